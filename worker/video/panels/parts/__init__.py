"""What panels are made of: bars, lines of text, the board and what moves on it."""
