"""The page for browsers: its addresses, its modules and styles joined, its copy of the shared looks."""
