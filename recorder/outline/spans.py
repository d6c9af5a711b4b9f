"""Spans ``[start, stop)`` of steps, as indexes."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Span", "at_most", "united"]

Span = tuple[int, int]


def united(spans: Iterable[Span], longest_break: int = 0) -> list[Span]:
    """The steps that any of the spans has, in order.

    Args:
        longest_break: spans with at most so many steps between them are one.
    """
    found: list[Span] = []
    for start, stop in sorted(spans):
        if found and start - found[-1][1] <= longest_break:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def at_most(spans: Iterable[Span], limit: int, longest_break: int = 0) -> tuple[list[Span], int]:
    """At most ``limit`` spans: those with the shortest breaks between them are joined.

    Args:
        longest_break: where to begin; pass what the last call returned to join alike.

    Returns:
        The spans, and the longest break that is joined.
    """
    found = united(spans, longest_break)
    while len(found) > limit:
        longest_break = max(1, 2 * longest_break)
        found = united(found, longest_break)
    return found, longest_break
