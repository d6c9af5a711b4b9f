"""Where recordings lie: a folder, or an fsspec URL. Files appear whole or not at all."""

from recorder.storage.base import Storage, episode_path
from recorder.storage.local import LocalStorage
from recorder.storage.open import open_storage, read_file, write_file

__all__ = ["LocalStorage", "Storage", "episode_path", "open_storage", "read_file", "write_file"]
