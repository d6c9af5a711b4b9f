"""The process and its Python: which packages it has, where it imports from, how it ends, and how often it logs."""
