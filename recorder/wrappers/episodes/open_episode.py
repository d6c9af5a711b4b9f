"""What is known of an episode before its end, and what its end says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recorder.capture.reading import is_cuda
from recorder.wrappers.environment.autoseed import Beginning

__all__ = [
    "ASPATIAL",
    "MAX_RESET_NUMBERS",
    "WITHIN_GAME",
    "EpisodeFacts",
    "note_resets",
    "reset_entry",
    "reset_numbers",
]

MAX_RESET_NUMBERS = 1000
"""Numbers and characters of a reset observation that an episode's metadata takes; it stands in the catalog too."""

_MAX_OBSERVATION_NAMES = 64
"""They stand in each file; the run's configuration has all of them."""

_NUMBERS = "biuf"
"""Kinds of dtypes whose rows are of one size."""

WITHIN_GAME = "is_within_game"
"""Where in an episode's ``info`` it says that the environment was not reset for it: it is no game, but a part of one."""

ASPATIAL = ["aspatial", 0, None, None]
"""The substrate of an environment that tells no position, plain, which is the quickest for an episode's end."""


class EpisodeFacts:
    """What all episodes of an environment have in common.

    Args:
        env_id: of the environment.
        observation_names, action_names: as the environment calls them; empty where nobody knows.
    """

    def __init__(self, env_id: str, observation_names: Sequence[str], action_names: Sequence[str]) -> None:
        self.info: dict[str, Any] = {"env_id": env_id}
        """Of an episode of whose beginning nothing is known."""
        if 0 < len(observation_names) <= _MAX_OBSERVATION_NAMES:
            self.info["observation_names"] = list(observation_names)
        self._metadata: dict[str, Any] = {"action_names": list(action_names)} if action_names else {}

    def begun(self, beginning: Beginning) -> dict[str, Any]:
        """The ``info`` of an episode that begins.

        Args:
            beginning: what the environment was reset with.
        """
        info = self.info.copy()
        if beginning.seed is not None:
            info["seed"] = beginning.seed
        if beginning.is_within_game:
            info[WITHIN_GAME] = True
        return info

    def ended(
        self, info: dict[str, Any], status: str, *, stage: Any, has_position: bool, added: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The metadata of an episode at its end.

        Args:
            info: as ``begun`` gave it.
            status: ``complete`` or ``truncated``.
            stage: of the curriculum; None when it was never told.
            has_position: whether a step had one.
            added: by the trainer; outweighs the rest, ``info`` by each of its keys.
        """
        metadata = self._metadata.copy()
        metadata["status"] = status
        if stage is not None:
            metadata["curriculum_stage"] = stage
        if not has_position:
            metadata["substrate"] = ASPATIAL
        if added:
            metadata.update(added)
            if "info" in added:
                info.update(added["info"])
        metadata["info"] = info
        return metadata


def reset_entry(name: str) -> str:
    """Where in an episode's ``info`` the part of this name of the observation stands that ``reset`` returned."""
    return f"reset_{name}"


def reset_numbers(reset_values: Mapping[str, Any]) -> dict[str, Any]:
    """The observation that ``reset`` returned, as entries of an episode's ``info``; nothing when they are many.

    Args:
        reset_values: the parts of the observation, by name.
    """
    numbers: dict[str, Any] = {}
    n_left = MAX_RESET_NUMBERS
    for name, row in reset_values.items():
        if row.__class__ is not np.ndarray:
            if is_cuda(row):
                continue  # reading from a device would wait for it
            row = np.asarray(row)
        n_left -= len(row.item()) if row.dtype.kind == "U" and not row.ndim else row.size
        if n_left < 0:
            return {}
        numbers[reset_entry(name)] = row.tolist()
    return numbers


def note_resets(infos: Sequence[dict[str, Any]], reset_values: Mapping[str, Any], places: Sequence[int]) -> None:
    """The same for some lanes.

    Args:
        infos: of their episodes; the entries are put in there.
        reset_values: with a leading axis of all lanes.
        places: of the lanes.
    """
    n_numbers = 0
    for rows in reset_values.values():
        if rows.__class__ is not np.ndarray or rows.dtype.kind not in _NUMBERS:
            for info, place in zip(infos, places, strict=True):
                info.update(reset_numbers({name: rows[place] for name, rows in reset_values.items()}))
            return
        n_numbers += rows.size // len(rows)
    if n_numbers > MAX_RESET_NUMBERS:
        return
    for name, rows in reset_values.items():
        entry = reset_entry(name)
        for info, place in zip(infos, places, strict=True):
            info[entry] = rows[place].tolist()
