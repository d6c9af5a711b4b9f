"""The episodes that viewers watch: recorded and live ones, held in memory, as messages and thumbnails."""
