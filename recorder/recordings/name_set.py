"""Many file names on disk instead of in memory, sorted: a folder may have millions."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NameSet"]

_CACHE_KIB = 32 * 1024
_PAGE = 1000


class NameSet(Collection[str]):
    """A set of names, iterated in sorted order. Names may be added and looked up during an iteration.

    It is a temporary SQLite database without a name, which SQLite deletes when it is closed.

    Args:
        names: its first members.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE names (name BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")
        source = iter(names)
        while page := list(islice(source, _PAGE)):
            self._database.executemany("INSERT OR IGNORE INTO names VALUES (?)", [(_packed(name),) for name in page])

    def add(self, name: str) -> None:
        """Add a name."""
        self._database.execute("INSERT OR IGNORE INTO names VALUES (?)", (_packed(name),))

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        return self._database.execute("SELECT 1 FROM names WHERE name = ?", (_packed(name),)).fetchone() is not None

    def __iter__(self) -> Iterator[str]:
        last = b""
        while page := self._database.execute(
            "SELECT name FROM names WHERE name > ? ORDER BY name LIMIT ?", (last, _PAGE)
        ).fetchall():
            for (packed,) in page:
                yield packed.decode("utf-8", "surrogateescape")
            last = page[-1][0]

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM names").fetchone()[0])

    def __bool__(self) -> bool:
        return self._database.execute("SELECT 1 FROM names LIMIT 1").fetchone() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete the names."""
        self._database.close()


def _packed(name: str) -> bytes:
    """A name as bytes; names of files that are not UTF-8 have surrogates."""
    return name.encode("utf-8", "surrogateescape")
