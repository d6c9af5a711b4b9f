"""``ReplayManager``: one playback over one recorded episode, in plain Python.

Nothing here keeps time: whoever shows the steps calls ``next_step`` when the next one is due.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.errors import UsageError
from recorder.recordings.find import naming_file, open_recording
from recorder.recordings.steps import step_maps
from recorder.storage import open_storage

if TYPE_CHECKING:  # the catalog needs SQLAlchemy, which a trainer may not have
    from recorder.catalog import Catalog
    from recorder.episode_file import Episode

__all__ = ["Playback", "ReplayManager"]

_BLOCK_STEPS = 256
"""Steps that are turned into Python values at a time."""


class Playback:
    """A place in an episode, and whether it moves on.

    Args:
        n_steps: steps of the episode; 0 is allowed.
    """

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps
        self.index = 0
        self.is_playing = False

    @property
    def is_at_end(self) -> bool:
        """Whether the current step is the last one."""
        return self.index >= self.n_steps - 1

    def play(self) -> None:
        """Start moving; from the beginning when it stands at the end."""
        if self.is_at_end:
            self.index = 0
        self.is_playing = self.n_steps > 0

    def pause(self) -> None:
        """Stop moving."""
        self.is_playing = False

    def move(self, n_steps: int) -> bool:
        """Go ``n_steps`` on, or back when negative, as far as there are steps; False when it could not move at all."""
        target = min(max(self.index + n_steps, 0), max(self.n_steps - 1, 0))
        moved = target != self.index
        self.index = target
        return moved

    def seek(self, index: int) -> None:
        """Go to a step; goes on playing if it played.

        Raises:
            UsageError: there is no such step.
        """
        if not 0 <= index < self.n_steps:
            raise UsageError(f"step index {index} of an episode of {self.n_steps} steps: the first is 0")
        self.index = index

    def reset(self) -> None:
        """Stop at the first step."""
        self.index = 0
        self.is_playing = False


class ReplayManager:
    """Loads recorded episodes and walks through them.

    Args:
        database: the catalog, or its path or URL, which is then opened for reading only.
        recordings_base_dir: where the files lie: a path or an fsspec URL.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
        CatalogError: the catalog can't be opened.
    """

    def __init__(self, database: Catalog | str | Path, recordings_base_dir: str | Path) -> None:
        from recorder.catalog import Catalog  # lazy: SQLAlchemy is heavy, and an extra

        self._catalog = database if isinstance(database, Catalog) else Catalog(database, read_only=True)
        self._storage = open_storage(recordings_base_dir)
        self._episode: Episode | None = None
        self._location = ""
        self._playback = Playback(0)
        self._block_start = -1
        self._block: list[dict[str, Any]] = []

    def load_episode(self, episode_id: int, run_id: str | None = None) -> bool:
        """Load an episode, paused at its first step. Without ``run_id``: that of the newest run that has it.

        Returns:
            True: what can't be loaded raises, and what was loaded before stays.

        Raises:
            RecordingNotFoundError: ``Recording not found: …``, and why.
            EpisodeFileError: the file is corrupt, too large, or of a version that is not known.
        """
        row, episode = open_recording(self._catalog, self._storage, run_id, episode_id)
        self._episode, self._location = episode, self._storage.location(row.file_path)
        self._playback = Playback(episode.n_steps)
        self._block_start, self._block = -1, []
        return True

    def list_recordings(self, **filters: Any) -> list[dict[str, Any]]:
        """Recordings by ``stage``, ``reason``, ``min_reward``, ``max_reward``, ``limit``; more: ``Catalog.query_recordings``."""
        return self._catalog.query_recordings(**filters)

    @property
    def episode(self) -> Episode:
        """The loaded episode.

        Raises:
            UsageError: none is loaded.
        """
        if self._episode is None:
            raise UsageError("no episode is loaded: call load_episode(episode_id) first")
        return self._episode

    @property
    def n_steps(self) -> int:
        """Steps of the loaded episode; 0 when none is loaded."""
        return self._playback.n_steps

    @property
    def current_step_index(self) -> int:
        """Index of the current step, from 0."""
        return self._playback.index

    def is_playing(self) -> bool:
        """Whether it plays."""
        return self._playback.is_playing

    def play(self) -> None:
        """Play; from the beginning when it stood at the end."""
        _ = self.episode
        self._playback.play()

    def pause(self) -> None:
        """Stop."""
        self._playback.pause()

    def next_step(self) -> dict[str, Any] | None:
        """Go one step on and return it; None, and no longer playing, when the last step was reached before."""
        _ = self.episode
        if not self._playback.move(1):
            self._playback.pause()
            return None
        return self.get_current_step()

    def previous_step(self) -> dict[str, Any] | None:
        """Go one step back and return it; None at the first."""
        _ = self.episode
        return self.get_current_step() if self._playback.move(-1) else None

    def seek(self, step_index: int) -> dict[str, Any] | None:
        """Go to a step, from 0, and return it.

        Raises:
            UsageError: there is no such step.
        """
        _ = self.episode
        self._playback.seek(step_index)
        return self.get_current_step()

    def reset(self) -> None:
        """Stop at the first step."""
        self._playback.reset()

    def get_current_step(self) -> dict[str, Any] | None:
        """The current step as the map that a version 1 file holds; None when the episode has no steps.

        Raises:
            EpisodeFileCorruptError: the file is corrupt there.
        """
        episode, index = self.episode, self._playback.index
        if episode.n_steps == 0:
            return None
        start = index - index % _BLOCK_STEPS
        if start != self._block_start:
            with naming_file(self._location):
                self._block = step_maps(episode, start, min(start + _BLOCK_STEPS, episode.n_steps))
            self._block_start = start
        return dict(self._block[index - start])

    def get_metadata(self) -> dict[str, Any]:
        """The fields of ``EpisodeMetadata``."""
        return self.episode.metadata.to_map()

    def get_affordances(self) -> dict[str, tuple[float, ...]]:
        """Name to cell."""
        return {name: tuple(cell) for name, cell in self.episode.affordances.items()}
