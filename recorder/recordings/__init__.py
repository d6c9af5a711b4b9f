"""The recordings of a catalog and a store: finding, verifying, converting and indexing them, and reading their steps."""
