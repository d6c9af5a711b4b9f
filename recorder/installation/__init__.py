"""Which catalog, recordings folder and Redis belong together. All three store the installation's id, and processes
compare it.
"""

from recorder.installation.folder_mark import MARK_NAME, FolderMark, read_mark, read_store_mark, refuse_other_catalog
from recorder.installation.membership import Membership, make_folder
from recorder.installation.ownership import check_owner, read_owner
from recorder.installation.record import Installation, Place, file_on_this_host, was_copied

__all__ = [
    "MARK_NAME",
    "FolderMark",
    "Installation",
    "Membership",
    "Place",
    "check_owner",
    "file_on_this_host",
    "make_folder",
    "read_mark",
    "read_owner",
    "read_store_mark",
    "refuse_other_catalog",
    "was_copied",
]
