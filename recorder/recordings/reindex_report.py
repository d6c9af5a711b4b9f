"""What came of rebuilding a catalog: counts, and the first names of each kind of file."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["MAX_NAMED", "ReindexReport"]

MAX_NAMED = 1000
"""Most files that a report lists: if the folder is not mounted, every file is missing."""


@dataclass(slots=True)
class ReindexReport:
    """Result of ``reindex``.

    Each of the three lists names the first ``MAX_NAMED`` files; the counts have all.

    Args:
        n_files: files read.
        n_imported: recordings now in the catalog.
        replaced: files of episodes that were played again; the catalog has the file of the later play.
        unreadable: file to its problem; these files stay.
        missing: recordings in the catalog without a file.
    """

    n_files: int = 0
    n_imported: int = 0
    n_replaced: int = 0
    n_unreadable: int = 0
    n_missing: int = 0
    replaced: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def add_replaced(self, name: str) -> None:
        """Count a file of an earlier play."""
        self.n_replaced += 1
        if len(self.replaced) < MAX_NAMED:
            self.replaced.append(name)

    def add_unreadable(self, name: str, problem: str) -> None:
        """Count a file that can't be read."""
        self.n_unreadable += name not in self.unreadable
        if len(self.unreadable) < MAX_NAMED:
            self.unreadable[name] = problem

    def add_missing(self, name: str) -> None:
        """Count a recording without a file."""
        self.n_missing += 1
        if len(self.missing) < MAX_NAMED:
            self.missing.append(name)
