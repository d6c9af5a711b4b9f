"""Bytes from outside: frames of LZ4 or Zstandard, and msgpack. Both are unpacked within limits; it knows nothing of steps."""

from recorder.framing.frames import (
    MAX_FRAME_BYTES,
    as_lz4,
    compress_frame,
    compression_of,
    content_bytes,
    decompress_frame,
    frame_end,
)
from recorder.framing.records import MAX_RECORD_BYTES, PACK_TAG, Record, build_record, find_records
from recorder.framing.unpacking import brief, split_map, unpack_bounded, unpack_list, unpack_sequence
from recorder.framing.zstd import check_zstd

__all__ = [
    "MAX_FRAME_BYTES",
    "MAX_RECORD_BYTES",
    "PACK_TAG",
    "Record",
    "as_lz4",
    "brief",
    "build_record",
    "check_zstd",
    "compress_frame",
    "compression_of",
    "content_bytes",
    "decompress_frame",
    "find_records",
    "frame_end",
    "split_map",
    "unpack_bounded",
    "unpack_list",
    "unpack_sequence",
]
