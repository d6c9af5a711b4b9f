"""An undecided episode: its claims and explanations so far, and how they are stored with every batch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from worker.criteria.base import Explanation, plain_number

__all__ = ["Pending", "pack_pending", "unpack_pending"]

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(slots=True)
class Pending:
    """Claims and explanations of one episode so far.

    Args:
        play_id: which play of the episode.
        claims: ``(criterion, reason)`` without repeats, in the order in which reasons are listed.
        explanations: one per criterion.
    """

    play_id: int
    claims: list[tuple[str, str]] = field(default_factory=list)
    explanations: list[Explanation] = field(default_factory=list)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons to keep the episode so far; the first is its ``recording_reason``."""
        return tuple(dict.fromkeys(reason for _, reason in self.claims)) if self.claims else ()

    def why_json(self) -> str:
        """Return the explanations as a JSON array of maps, each with the ``reasons`` of its criterion. None has
        ``keep`` open.

        NaN and infinities are strings. The text is built piece by piece, because encoding maps took half of the time of
        a decision.
        """
        lines = []
        for criterion, keep, value, threshold, detail in self.explanations:
            reasons = [reason for name, reason in self.claims if name == criterion] if self.claims else ()
            before, after = _text_around_numbers(criterion, bool(reasons or keep), detail)
            said = _encode(reasons) if reasons else "[]"
            lines.append(f'{before}{_encoded(value)},"threshold":{_encoded(threshold)}{after}{said}}}')
        return f"[{','.join(lines)}]"


def pack_pending(pending: Mapping[int, Pending]) -> dict[str, Any]:
    """Return the episodes as strict JSON. Criterion names and details are stored once, in a list of words.

    A row is ``[episode_id, play_id, [[criterion, reason] …], [[criterion, keep, value, threshold, detail] …]]``, where
    criterion and detail are indexes into ``words``.
    """
    words: dict[str, int] = {}

    def index(word: str) -> int:
        return words.setdefault(word, len(words))

    rows = [
        [
            episode_id,
            it.play_id,
            [[index(criterion), reason] for criterion, reason in it.claims],
            [
                [index(e.criterion), e.keep, plain_number(e.value), plain_number(e.threshold), index(e.detail)]
                for e in it.explanations
            ],
        ]
        for episode_id, it in pending.items()
    ]
    return {"words": list(words), "rows": rows}


def unpack_pending(state: Mapping[str, Any]) -> dict[int, Pending]:
    """Reverse ``pack_pending``. Numbers that are not finite stay strings."""
    words = state["words"]
    return {
        episode_id: Pending(
            play_id,
            [(words[criterion], reason) for criterion, reason in claims],
            [Explanation(words[e[0]], e[1], e[2], e[3], words[e[4]]) for e in explanations],
        )
        for episode_id, play_id, claims, explanations in state["rows"]
    }


@lru_cache(maxsize=1024)
def _text_around_numbers(criterion: str, keep: bool, detail: str) -> tuple[str, str]:
    """Return the text before and after an explanation's numbers, which thousands of explanations share."""
    before = f'{{"criterion":{_encode(criterion)},"keep":{"true" if keep else "false"},"value":'
    return before, f',"detail":{_encode(detail)},"reasons":'


def _encoded(value: float | str | None) -> str:
    if value is None:
        return "null"
    kind = type(value)
    if kind is int or (kind is float and math.isfinite(value)):  # type: ignore[arg-type]
        return repr(value)
    return _encode(plain_number(value))
