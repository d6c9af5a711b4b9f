"""``ReplayManager`` plays a recorded episode in Python.

It has no clock: call ``next_step`` when the next step is due.
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
"""Steps to convert to Python values at a time."""


class Playback:
    """A position in an episode, and whether it advances.

    Args:
        n_steps: number of steps; may be 0.
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
        """Start playing; from the beginning if at the end."""
        if self.is_at_end:
            self.index = 0
        self.is_playing = self.n_steps > 0

    def pause(self) -> None:
        """Stop playing."""
        self.is_playing = False

    def move(self, n_steps: int) -> bool:
        """Move by ``n_steps``, within the episode. Returns whether the position changed."""
        target = min(max(self.index + n_steps, 0), max(self.n_steps - 1, 0))
        moved = target != self.index
        self.index = target
        return moved

    def seek(self, index: int) -> None:
        """Move to a step; keeps playing.

        Raises:
            UsageError: no such step.
        """
        if not 0 <= index < self.n_steps:
            raise UsageError(
                f"there is no step index {index} in an episode of {self.n_steps} steps; indexes start at 0"
            )
        self.index = index

    def reset(self) -> None:
        """Stop, and move to the first step."""
        self.index = 0
        self.is_playing = False


class ReplayManager:
    """Loads recorded episodes and steps through them.

    Args:
        database: a catalog, or its path or URL, opened read-only.
        recordings_base_dir: path or fsspec URL of the files.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
        CatalogError: the catalog can't be opened.
    """

    def __init__(self, database: Catalog | str | Path, recordings_base_dir: str | Path) -> None:
        from recorder.catalog import Catalog  # lazy: SQLAlchemy is heavy, and an extra

        self._storage = open_storage(recordings_base_dir)
        self._catalog = database if isinstance(database, Catalog) else Catalog(database, read_only=True)
        self._episode: Episode | None = None
        self._location = ""
        self._playback = Playback(0)
        self._block_start = -1
        self._block: list[dict[str, Any]] = []

    def load_episode(self, episode_id: int, run_id: str | None = None) -> bool:
        """Load an episode, paused at its first step. Without ``run_id``, from the newest run that has it.

        Returns:
            True. If loading fails, an error is raised, and the previous episode stays loaded.

        Raises:
            RecordingNotFoundError: ``Recording not found: …`` with the reason.
            EpisodeFileError: the file is corrupt, too large, or of an unknown version.
        """
        row, episode = open_recording(self._catalog, self._storage, run_id, episode_id)
        self._episode, self._location = episode, self._storage.location(row.file_path)
        self._playback = Playback(episode.n_steps)
        self._block_start, self._block = -1, []
        return True

    def list_recordings(self, **filters: Any) -> list[dict[str, Any]]:
        """Recordings; filters as for ``Catalog.query_recordings`` (``stage``, ``reason``, ``min_reward``, ``limit``,
        …).
        """
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
        """Number of steps; 0 if no episode is loaded."""
        return self._playback.n_steps

    @property
    def current_step_index(self) -> int:
        """Index of the current step, from 0."""
        return self._playback.index

    def is_playing(self) -> bool:
        """Whether it is playing."""
        return self._playback.is_playing

    def play(self) -> None:
        """Start playing; from the beginning if at the end."""
        _ = self.episode
        self._playback.play()

    def pause(self) -> None:
        """Stop playing."""
        self._playback.pause()

    def next_step(self) -> dict[str, Any] | None:
        """Move to the next step and return it. At the end, stop playing and return None."""
        _ = self.episode
        if not self._playback.move(1):
            self._playback.pause()
            return None
        return self.get_current_step()

    def previous_step(self) -> dict[str, Any] | None:
        """Move to the previous step and return it; None at the first step."""
        _ = self.episode
        return self.get_current_step() if self._playback.move(-1) else None

    def seek(self, step_index: int) -> dict[str, Any] | None:
        """Move to a step, counted from 0, and return it.

        Raises:
            UsageError: no such step.
        """
        _ = self.episode
        self._playback.seek(step_index)
        return self.get_current_step()

    def reset(self) -> None:
        """Stop, and move to the first step."""
        self._playback.reset()

    def get_current_step(self) -> dict[str, Any] | None:
        """The current step as a map of a version 1 file; None if the episode has no steps.

        Raises:
            EpisodeFileCorruptError: the file is damaged there.
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
        """Name to coordinates."""
        return {name: tuple(cell) for name, cell in self.episode.affordances.items()}
