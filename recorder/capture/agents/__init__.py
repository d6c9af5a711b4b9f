"""The calls for several agents: their roster, and a compiled way for each group of agents of the same shapes."""
