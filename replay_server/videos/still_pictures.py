"""Pictures of what a requested video would look like.

The code that draws videos draws them, in a process by itself: the server does not load it, and ends it if it takes too long.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from importlib.util import find_spec
from threading import Lock
from typing import Any

from recorder.child_process.modules import ask_module
from recorder.errors import MissingExtraError, RecorderError, UsageError, VideoError
from recorder.settings import Settings
from replay_server.memory import BusyError

__all__ = ["StillPictures"]

_MODULE = "worker.video.still"
_MOST_CPU_SECS = 30.0
"""Processor time for one picture, which usually takes one second."""
_MOST_SECS = 120.0
"""For its process, which may wait for a disk, or for other programs on a busy machine."""
_MOST_WAIT_SECS = 60.0
"""For the one before it, as one picture is drawn at a time: a dialog that is closed and opened again asks twice."""
_MOST_KEPT = 32
"""Pictures in memory, of about 60 kB each."""
_USAGE_STATUS = 2


class StillPictures:
    """Draws one picture at a time, and remembers the last ones. A request for one that is being drawn waits for it.

    Args:
        settings: where catalog and recordings are.
    """

    def __init__(self, settings: Settings) -> None:
        self._places = {"catalog": settings.catalog_url, "recordings": str(settings.recordings_dir)}
        self._asking, self._drawing = Lock(), Lock()
        self._asked: dict[str, Future[bytes]] = {}
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def draw(self, run_id: str, episode_id: int, request: Mapping[str, Any], choices: Mapping[str, Any]) -> bytes:
        """Return a PNG, at most 640 pixels wide.

        Args:
            request: the request as ``make_request`` returned it: equal ones have the same picture.
            choices: names in ``VIDEO_CHOICES``.

        Raises:
            UsageError: a choice does not fit this episode.
            MissingExtraError: the packages that draw are not installed.
            BusyError: other pictures are being drawn.
            VideoError: it can't be drawn.
        """
        key = json.dumps([run_id, episode_id, request], sort_keys=True)
        with self._asking:
            asked = self._asked.get(key)
            mine: Future[bytes] | None = None
            if asked is None:
                asked = mine = self._asked[key] = Future()
        if mine is not None:
            try:
                mine.set_result(self._kept_or_drawn(key, run_id, episode_id, choices))
            except BaseException as error:
                mine.set_exception(error)
                raise
            finally:
                with self._asking:
                    del self._asked[key]
        return asked.result()

    def _kept_or_drawn(self, key: str, run_id: str, episode_id: int, choices: Mapping[str, Any]) -> bytes:
        if not self._drawing.acquire(timeout=_MOST_WAIT_SECS):
            raise BusyError("other pictures are being drawn: try again in a moment")
        try:
            if key not in self._kept:
                self._kept[key] = self._drawn({"run_id": run_id, "episode_id": episode_id, "choices": dict(choices)})
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]
        finally:
            self._drawing.release()

    def _drawn(self, question: Mapping[str, Any]) -> bytes:
        if find_spec("matplotlib") is None:
            raise MissingExtraError("Drawing a preview", "video")
        try:
            status, data = ask_module(
                _MODULE,
                json.dumps({**self._places, **question, "cpu_secs": _MOST_CPU_SECS}).encode(),
                timeout_secs=_MOST_SECS,
            )
        except (OSError, TimeoutError) as error:
            raise VideoError(f"the preview can't be drawn ({error})") from error
        if status == 0:
            return data
        message = data.decode(errors="replace") or "its process ended, see the server's log"
        error_type: type[RecorderError] = UsageError if status == _USAGE_STATUS else VideoError
        raise error_type(message)
