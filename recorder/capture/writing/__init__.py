"""From the values of a call to a record in the ring: compiled writers, one for each way in which values come."""
