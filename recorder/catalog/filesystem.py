"""Detects network file systems: SQLite's write-ahead log needs memory shared by all users, which they don't have.

Source: https://www.sqlite.org/wal.html, "All processes using a database must be on the same host computer".
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from recorder.errors import CatalogError

__all__ = ["MOUNTS_FILE", "NETWORK_FILESYSTEMS", "filesystem_of", "is_mounted_read_only", "refuse_network_filesystem"]

MOUNTS_FILE = Path("/proc/mounts")

NETWORK_FILESYSTEMS = frozenset(
    {
        "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.juicefs",
        "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
        "orangefs", "panfs", "smb3", "smbfs", "wekafs",
    }
)  # fmt: skip


def filesystem_of(path: Path, mounts: str) -> str | None:
    """Type of the file system that holds ``path``.

    Args:
        path: may not exist; links are resolved as far as possible.
        mounts: text of ``/proc/mounts``.

    Returns:
        The type, or None if no mount holds the path.
    """
    path = path.resolve()
    found: str | None = None
    longest = -1
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 3:
            continue
        # Blanks and backslashes in a mount point are written as \040 and the like.
        mount_point = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[1]))
        n_parts = len(mount_point.parts)
        # A later mount on the same point hides the earlier one.
        if n_parts >= longest and path.is_relative_to(mount_point):
            found, longest = words[2], n_parts
    return found


def refuse_network_filesystem(path: Path, mounts_file: Path = MOUNTS_FILE) -> None:
    """Check that a SQLite catalog may be at ``path``. Passes if there is no mount table.

    Raises:
        CatalogError: the path is on a network file system.
    """
    try:
        mounts = mounts_file.read_text(errors="surrogateescape")
    except OSError:
        return
    filesystem = filesystem_of(path, mounts)
    if filesystem in NETWORK_FILESYSTEMS:
        raise CatalogError(
            f"a SQLite catalog can't be on a network file system ({filesystem}): put it on a local disk, or give the "
            f"URL of a PostgreSQL database. The episode files may stay there: {path}"
        )


def is_mounted_read_only(path: Path) -> bool:
    """Whether the file system of an existing ``path`` is mounted read-only."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
