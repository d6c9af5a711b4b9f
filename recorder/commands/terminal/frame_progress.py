"""A progress bar for each video: frames done, frames per second, time left."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from recorder.errors import MissingExtraError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["FrameProgress"]


class FrameProgress:
    """Bars on stderr; nothing if stderr is no terminal or ``enabled`` is False. A context manager."""

    def __init__(self, *, enabled: bool) -> None:
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        if not enabled or not sys.stderr.isatty():
            return
        try:
            from rich.console import Console  # lazy: only a terminal needs it
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                ProgressColumn,
                TextColumn,
                TimeRemainingColumn,
            )
            from rich.text import Text
        except ImportError as error:
            raise MissingExtraError("A progress bar", "catalog") from error

        class Rate(ProgressColumn):
            def render(self, task: object) -> Text:
                speed = getattr(task, "finished_speed", None) or getattr(task, "speed", None)
                return Text("" if speed is None else f"{speed:.0f} frames/s", style="cyan")

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeRemainingColumn(compact=True),
        )
        self._bars = Progress(*columns, console=Console(stderr=True))

    def __enter__(self) -> FrameProgress:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def begin(self, what: str) -> None:
        """Start the bar of the next video."""
        if self._bars is not None:
            self._task = self._bars.add_task(what, total=None)

    def advance(self, n_done: int, n_total: int) -> bool:
        """Move the bar. Returns True, which tells the encoder to continue."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=n_done, total=n_total)
        return True
