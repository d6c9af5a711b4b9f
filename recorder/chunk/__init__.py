"""Encodes steps in columns: a chunk of up to 256 steps in one LZ4 frame.

A chunk is encoded once, by the trainer's sender. The same bytes go into the stream, the file and the socket.
"""

from recorder.chunk.chunk import (
    MAX_CHUNK_BYTES,
    MAX_CHUNK_CONTAINERS,
    MAX_CHUNK_PICTURE_BYTES,
    MAX_CHUNK_STEPS,
    Chunk,
    ColumnData,
    LooseColumn,
    chunk_from,
    decode_chunk,
)
from recorder.chunk.columns import ColumnGroup, Stretch, choose_encoding
from recorder.chunk.encoder import Slots, chunk_of_slots, encode_chunk, encode_lanes, spec_of
from recorder.chunk.joining import MAX_COLUMN_BYTES, join_columns
from recorder.chunk.placement import NOTHING_PLACED, Placement
from recorder.chunk.texts import encode_texts

__all__ = [
    "MAX_CHUNK_BYTES",
    "MAX_CHUNK_CONTAINERS",
    "MAX_CHUNK_PICTURE_BYTES",
    "MAX_CHUNK_STEPS",
    "MAX_COLUMN_BYTES",
    "NOTHING_PLACED",
    "Chunk",
    "ColumnData",
    "ColumnGroup",
    "LooseColumn",
    "Placement",
    "Slots",
    "Stretch",
    "choose_encoding",
    "chunk_from",
    "chunk_of_slots",
    "decode_chunk",
    "encode_chunk",
    "encode_lanes",
    "encode_texts",
    "join_columns",
    "spec_of",
]
