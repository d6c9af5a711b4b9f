"""A trainer's values: numbers, texts, arrays and tensors, read without a copy where that is possible."""
