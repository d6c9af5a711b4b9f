"""The episodes that are open, and what is sent of them."""
