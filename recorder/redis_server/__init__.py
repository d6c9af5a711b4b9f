"""The Redis server that holds the steps: clients, its state, where to find it, and one of our own when there is none."""
