"""The episodes that viewers look at: recorded and live ones, kept in memory, as messages and small pictures."""
