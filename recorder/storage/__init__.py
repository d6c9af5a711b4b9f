"""Where recordings lie: a folder, or an fsspec URL. Files appear whole or not at all."""

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
