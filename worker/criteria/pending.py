"""An episode that is not decided yet: what was said of it so far, and how that is stored with every batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.criteria.base import Explanation, plain_number

__all__ = ["Pending", "pack_pending", "unpack_pending"]


@dataclass(slots=True)
class Pending:
    """What the criteria said of one episode so far.

    Args:
        play_id: which playing of the episode.
        claims: ``(criterion, reason)``, each once, in the order in which reasons are listed.
        explanations: one a criterion.
    """

    play_id: int
    claims: list[tuple[str, str]] = field(default_factory=list)
    explanations: list[Explanation] = field(default_factory=list)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the episode is kept, as far as is known; the first is its ``recording_reason``."""
        return tuple(dict.fromkeys(reason for _, reason in self.claims)) if self.claims else ()

    def why(self, *, final: bool) -> list[dict[str, Any]]:
        """Each explanation as a map, with the ``reasons`` of its criterion; nothing stays open when ``final``."""
        maps = []
        of_criterion: dict[str, list[str]] = {}
        for name, reason in self.claims:
            of_criterion.setdefault(name, []).append(reason)
        for explanation in self.explanations:
            it = explanation.to_map()
            it["reasons"] = reasons = of_criterion.get(explanation.criterion, [])
            if reasons:
                it["keep"] = True
            elif final:
                it["keep"] = bool(it["keep"])
            maps.append(it)
        return maps


def pack_pending(pending: Mapping[int, Pending]) -> dict[str, Any]:
    """The episodes as strict JSON; names and details, which most share, stand once in a list of words.

    A row is ``[episode_id, play_id, [[criterion, reason] …], [[criterion, keep, value, threshold, detail] …]]``, where
    criterion and detail are positions in ``words``.
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
    """The inverse of ``pack_pending``; a number that was not finite stays the word that ``to_map`` makes of it."""
    words = state["words"]
    return {
        episode_id: Pending(
            play_id,
            [(words[criterion], reason) for criterion, reason in claims],
            [Explanation(words[e[0]], e[1], e[2], e[3], words[e[4]]) for e in explanations],
        )
        for episode_id, play_id, claims, explanations in state["rows"]
    }
