"""The episodes of lanes and agents: which are open, what a step of them holds, and what ends with them."""
