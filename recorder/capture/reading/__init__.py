"""A trainer's values: numbers, texts, arrays and tensors, read without a copy where that is possible."""

from recorder.capture.reading.tensor_bytes import at_address
from recorder.capture.reading.texts import is_texts
from recorder.capture.reading.values import as_array, as_scalar, is_cuda

__all__ = ["as_array", "as_scalar", "at_address", "is_cuda", "is_texts"]
