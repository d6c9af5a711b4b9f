"""Many names of recordings on disk instead of in memory, sorted: a folder may have millions."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from recorder.storage import split_packed

__all__ = ["NameSet"]

_CACHE_KIB = 32 * 1024
_PAGE = 1000
_INSERT = "INSERT OR IGNORE INTO names VALUES (?, ?)"


class NameSet(Collection[str]):
    """A set of names, iterated in sorted order: a recording in a pack as if it were a file beside it, so that the plays of
    an episode are adjacent. Names may be added and looked up during an iteration.

    It is a temporary SQLite database without a name, which SQLite deletes when it is closed.

    Args:
        names: its first members.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE names (place BLOB, name BLOB, PRIMARY KEY (place, name)) WITHOUT ROWID")
        self._database.execute("BEGIN")
        source = iter(names)
        while page := list(islice(source, _PAGE)):
            self._database.executemany(_INSERT, [_row_of(name) for name in page])

    def add(self, name: str) -> None:
        """Add a name."""
        self._database.execute(_INSERT, _row_of(name))

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        found = self._database.execute("SELECT 1 FROM names WHERE place = ? AND name = ?", _row_of(name))
        return found.fetchone() is not None

    def __iter__(self) -> Iterator[str]:
        last = (b"", b"")
        while page := self._database.execute(
            "SELECT place, name FROM names WHERE (place, name) > (?, ?) ORDER BY place, name LIMIT ?", (*last, _PAGE)
        ).fetchall():
            for _, name in page:
                yield name.decode("utf-8", "surrogateescape")
            last = page[-1]

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM names").fetchone()[0])

    def __bool__(self) -> bool:
        return self._database.execute("SELECT 1 FROM names LIMIT 1").fetchone() is not None

    def __enter__(self) -> NameSet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the names."""
        self._database.close()


def _row_of(name: str) -> tuple[bytes, bytes]:
    """A name's place in the order, and the name. Names of files that are not UTF-8 have surrogates."""
    split = split_packed(name)
    place = name if split is None else f"{split[0].rpartition('/')[0]}/{split[1]}"
    return place.encode("utf-8", "surrogateescape"), name.encode("utf-8", "surrogateescape")
