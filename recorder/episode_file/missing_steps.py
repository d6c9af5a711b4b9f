"""Which steps a file lacks that its header does not list."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.episode import Gap
from recorder.episode_file.footer import ChunkRef

__all__ = ["end_step_of", "unlisted_gaps"]


def end_step_of(chunks: Sequence[ChunkRef]) -> int:
    """Number of the step after the last one."""
    return chunks[-1].first_step + chunks[-1].n_steps if chunks else 0


def unlisted_gaps(listed: Sequence[Gap], chunks: Sequence[ChunkRef]) -> list[Gap]:
    """Steps that are missing between chunks but not listed as a gap."""
    known = [(ref.first_step, ref.first_step + ref.n_steps) for ref in chunks]
    known += [(gap.first_step, end_step_of(chunks) if gap.end_step is None else gap.end_step) for gap in listed]
    found = []
    end = 0
    for first, stop in sorted(known):
        if first > end:
            found.append(Gap(end, first, "missing from the file"))
        end = max(end, stop)
    return found
