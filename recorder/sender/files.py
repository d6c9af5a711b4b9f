"""The files of one black box: the ring, and beside it the sender's journal and spool."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from recorder.black_box.places import JOURNAL_SUFFIX, RING_SUFFIX, SPOOL_SUFFIX, journal_of, spool_of

__all__ = ["SET_ASIDE_SUFFIX", "remove_files", "remove_strays", "set_aside"]

SET_ASIDE_SUFFIX = ".unreadable"

_UNFINISHED_SUFFIX = ".part"
_UNFINISHED_SECS = 3600.0
"""Making a ring takes seconds, even a large one on a slow disk."""


def remove_files(ring: Path) -> None:
    """Delete a black box that holds nothing any more; the ring first: the others are of no use without it."""
    for path in (ring, journal_of(ring), spool_of(ring)):
        path.unlink(missing_ok=True)


def set_aside(ring: Path) -> Path:
    """Rename a black box that can't be read, so that nobody tries again; gives its new name.

    Raises:
        OSError: it can't be renamed.
    """
    aside = ring.with_name(ring.name + SET_ASIDE_SUFFIX)
    for path in (journal_of(ring), spool_of(ring)):
        if path.exists():
            path.rename(path.with_name(path.name + SET_ASIDE_SUFFIX))
    return ring.rename(aside)


def remove_strays(folder: Path) -> None:
    """Delete journals and spools whose ring is gone, and rings that were never finished: somebody was killed over them."""
    for path in folder.glob(f"*{RING_SUFFIX}{_UNFINISHED_SUFFIX}"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _UNFINISHED_SECS:
                path.unlink()
    for suffix in (JOURNAL_SUFFIX, SPOOL_SUFFIX):
        for path in folder.glob(f"*{RING_SUFFIX}{suffix}"):
            if not path.with_name(path.name.removesuffix(suffix)).exists():
                path.unlink(missing_ok=True)
