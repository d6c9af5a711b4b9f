"""Stores recordings in a folder or at an fsspec URL. Files are written atomically."""

from recorder.storage.base import Storage
from recorder.storage.local import LocalStorage
from recorder.storage.names import episode_path, run_folder
from recorder.storage.open import check_drivers, open_recordings, open_storage, open_videos, read_file, write_file
from recorder.storage.packs import (
    Pack,
    build_pack,
    is_pack,
    may_hold,
    naming,
    pack_name,
    packed_sizes,
    read_pack,
    split_packed,
)
from recorder.storage.url import UrlStorage

__all__ = [
    "LocalStorage",
    "Pack",
    "Storage",
    "UrlStorage",
    "build_pack",
    "check_drivers",
    "episode_path",
    "is_pack",
    "may_hold",
    "naming",
    "open_recordings",
    "open_storage",
    "open_videos",
    "pack_name",
    "packed_sizes",
    "read_file",
    "read_pack",
    "run_folder",
    "split_packed",
    "write_file",
]
