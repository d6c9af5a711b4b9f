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
    Slots,
    chunk_from,
    chunk_of_slots,
    decode_chunk,
    encode_chunk,
    encode_lanes,
    spec_of,
)
from recorder.chunk.columns import ColumnGroup, Stretch, choose_encoding
from recorder.chunk.frames import (
    MAX_FRAME_BYTES,
    as_lz4,
    compress_frame,
    compression_of,
    content_bytes,
    decompress_frame,
    frame_end,
)
from recorder.chunk.joining import MAX_COLUMN_BYTES, join_columns
from recorder.chunk.placement import NOTHING_PLACED, Placement
from recorder.chunk.texts import encode_texts
from recorder.chunk.unpacking import brief, split_map, unpack_bounded, unpack_list, unpack_sequence
from recorder.chunk.zstd import check_zstd

__all__ = [
    "MAX_CHUNK_BYTES",
    "MAX_CHUNK_CONTAINERS",
    "MAX_CHUNK_PICTURE_BYTES",
    "MAX_CHUNK_STEPS",
    "MAX_COLUMN_BYTES",
    "MAX_FRAME_BYTES",
    "NOTHING_PLACED",
    "Chunk",
    "ColumnData",
    "ColumnGroup",
    "LooseColumn",
    "Placement",
    "Slots",
    "Stretch",
    "as_lz4",
    "brief",
    "check_zstd",
    "choose_encoding",
    "chunk_from",
    "chunk_of_slots",
    "compress_frame",
    "compression_of",
    "content_bytes",
    "decode_chunk",
    "decompress_frame",
    "encode_chunk",
    "encode_lanes",
    "encode_texts",
    "frame_end",
    "join_columns",
    "spec_of",
    "split_map",
    "unpack_bounded",
    "unpack_list",
    "unpack_sequence",
]
