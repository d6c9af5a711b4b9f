"""Lists of episodes: filters, order, paging, and the choice of an index."""
