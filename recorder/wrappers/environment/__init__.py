"""What an environment is: its spaces, names, pictures and seeds, and what its user adds."""
