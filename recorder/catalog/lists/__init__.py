"""Lists of episodes: filters, order, pages, and which index serves them."""
