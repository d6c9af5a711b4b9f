"""Which values are valid, and how they are read and written: arrays, pictures, texts, numbers, JSON."""
