"""Encodes text columns: the length of each text, then their UTF-8 bytes.

A text that repeats the one before it takes a length alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec

__all__ = ["decode_texts", "encode_texts"]

_REPEATED = 2**32 - 1
"""In place of a length: the text is the one before it."""


def encode_texts(values: Iterable[bytes | str]) -> bytes:
    """Encode the values of a text column.

    Args:
        values: ``S[n]``, UTF-8 without NUL, or objects of ``str``.
    """
    lengths, parts = [], []
    before: bytes | str | None = None
    for value in values:
        if value == before:
            lengths.append(_REPEATED)
            continue
        part = value.encode() if isinstance(value, str) else value
        lengths.append(len(part))
        parts.append(part)
        before = value
    return b"".join([np.array(lengths, "<u4").tobytes(), *parts])


def decode_texts(data: bytes, n_texts: int, spec: ColumnSpec) -> NDArray[np.object_]:
    """The texts of one stretch, ``object[n]`` of ``str``; a repeated text is the same object, so that it takes no memory.

    Raises:
        EpisodeFileCorruptError: the bytes are no such texts.
    """
    at = 4 * n_texts
    if len(data) < at:
        raise _corrupt(spec, f"{len(data)} bytes for {n_texts} texts")
    texts = np.empty(n_texts, np.object_)
    before: str | None = None
    for index, length in enumerate(np.frombuffer(data, "<u4", n_texts).tolist()):
        if length == _REPEATED:
            if before is None:
                raise _corrupt(spec, "its first text refers to one before it")
        else:
            if length > len(data) - at:
                raise _corrupt(spec, f"text {index} ends at byte {at + length} of {len(data)}")
            try:
                before = data[at : at + length].decode()
            except UnicodeDecodeError as error:
                raise _corrupt(spec, f"text {index} is no UTF-8 ({error.reason})") from error
            at += length
        texts[index] = before
    if at != len(data):
        raise _corrupt(spec, f"its texts end at byte {at} of {len(data)}")
    return texts


def _corrupt(spec: ColumnSpec, problem: str) -> EpisodeFileCorruptError:
    return EpisodeFileCorruptError(f"column {spec.name!r}: {problem}")
