"""The memory of a process: a budget for open recordings, and what is given back to the system."""
