"""Stores recordings in a folder or at an fsspec URL. Files are written atomically."""

from recorder.storage.base import Storage, episode_path
from recorder.storage.local import LocalStorage
from recorder.storage.open import check_drivers, open_recordings, open_storage, open_videos, read_file, write_file
from recorder.storage.url import UrlStorage

__all__ = [
    "LocalStorage",
    "Storage",
    "UrlStorage",
    "check_drivers",
    "episode_path",
    "open_recordings",
    "open_storage",
    "open_videos",
    "read_file",
    "write_file",
]
