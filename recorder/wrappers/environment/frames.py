"""Where the pictures of an environment come from: its observations, its ``render``, or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Literal, get_args

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from recorder.capture.reading import as_array
from recorder.errors import UsageError
from recorder.values.argument_kinds import check_choice
from recorder.values.picture_shape import picture_shape
from recorder.wording.reasons import ordinal

__all__ = ["RENDER", "FrameSource", "Rendering", "check_frames", "is_picture", "picture_of", "pictures_of", "renders"]

FrameSource = Literal["auto", "observation", "render", "none"]

RENDER = "render"
"""The name among the extras of what ``render`` gave."""

_TIMED = 64
"""Pictures after which the cost of rendering is said."""

_MOST_FAILURES = 10
"""After so many in a row nobody asks for a picture again."""

_MAX_CHANNELS = 3
"""A fourth one is opacity, which would be shown as another picture."""


def check_frames(frames: object, every: object) -> None:
    """The arguments of a wrapper.

    Raises:
        UsageError: they can't work.
    """
    check_choice("frames", frames, get_args(FrameSource))
    if type(every) is not int or every < 1:
        raise UsageError(f"every: expected a whole number, at least 1, found {every!r}")


def is_picture(space: spaces.Space[Any]) -> bool:
    """Whether the samples of a space are pictures, by their shape and their bounds."""
    if not isinstance(space, spaces.Box) or picture_shape(space.dtype.str, space.shape) is None:
        return False
    return space.dtype.kind == "u" or bool(np.all(space.low >= 0) and np.all(space.high <= 255))


def renders(frames: FrameSource, *, has_pictures: bool, render_mode: object, is_reenacted: bool) -> bool:
    """Whether to call ``render``.

    Args:
        has_pictures: whether pictures are recorded as observations.
        render_mode: of the environment.
        is_reenacted: whether any episode can be played again from its seed, and drawn then.
    """
    if frames == "render":
        return True
    return frames == "auto" and not has_pictures and not is_reenacted and render_mode == "rgb_array"


class Rendering:
    """Calls ``render`` with a step, and says once what that costs.

    Args:
        render: gives the picture, or those of all lanes.
        every: only with each of so many steps.
        tell: logs.
    """

    def __init__(self, render: Callable[[], Any], *, every: int, tell: Callable[[str], None]) -> None:
        self._render = render
        self._every = every
        self._tell = tell
        self._n_taken = 0
        self._n_failed = 0
        self._secs = 0.0

    def take(self) -> Any:
        """What ``render`` gives, as arrays; None when it has failed too often.

        Raises:
            UsageError: it gave no picture.
        """
        if self._n_failed >= _MOST_FAILURES:
            return None
        started = perf_counter()
        try:
            found = self._render()
        except Exception:
            self._count_failure()
            raise
        self._secs += perf_counter() - started
        self._n_failed = 0
        self._n_taken += 1
        if self._n_taken == _TIMED:
            which = "each" if self._every == 1 else f"every {ordinal(self._every)}"
            self._tell(
                f"render() takes {1000 * self._secs / _TIMED:.2g} ms with {which} step: every=K records each K-th picture, "
                "frames='none' none"
            )
        return found

    def _count_failure(self) -> None:
        self._n_failed += 1
        if self._n_failed == _MOST_FAILURES:
            self._tell(f"render() gave no picture {_MOST_FAILURES} times in a row: it is not called any more")


def picture_of(rendered: Any) -> NDArray[Any]:
    """The picture that ``render`` gave: the last one of a list.

    Raises:
        UsageError: there is none.
    """
    if isinstance(rendered, list | tuple):
        rendered = rendered[-1] if rendered else None
    if rendered is None:
        raise UsageError("render() gave no picture: make the environment with render_mode='rgb_array'")
    picture = as_array(rendered)
    if picture_shape(picture.dtype.str, picture.shape) is None:
        raise UsageError(f"render() gave {picture.dtype}{list(picture.shape)}, which is no picture")
    return picture[..., :_MAX_CHANNELS] if picture.ndim == 3 and picture.shape[2] == _MAX_CHANNELS + 1 else picture


def pictures_of(rendered: Any, n_lanes: int) -> NDArray[Any]:
    """The same for a vector environment: ``dtype[n_lanes, *shape]``.

    Raises:
        UsageError: there is not one of each lane, or they differ in size.
    """
    if rendered is None or len(rendered) != n_lanes:
        found = "nothing" if rendered is None else f"{len(rendered)} pictures"
        raise UsageError(
            f"render() gave {found} for {n_lanes} lanes: make the environments with render_mode='rgb_array'"
        )
    pictures = [picture_of(one) for one in rendered]
    if any(picture.shape != pictures[0].shape for picture in pictures):
        raise UsageError("render() gave pictures of several sizes, one a lane: they can't be recorded together")
    return np.stack(pictures)
