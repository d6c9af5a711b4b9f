"""Which catalog, recordings folder and Redis belong together. All three store the installation's id, and processes
compare it. ``membership`` and ``ownership`` do so in Redis; they are imported by those who use Redis.
"""

from recorder.installation.folder_mark import MARK_NAME, FolderMark, read_mark, read_store_mark, refuse_other_catalog
from recorder.installation.record import Installation, Place, file_on_this_host, was_copied

__all__ = [
    "MARK_NAME",
    "FolderMark",
    "Installation",
    "Place",
    "file_on_this_host",
    "read_mark",
    "read_store_mark",
    "refuse_other_catalog",
    "was_copied",
]
