"""Checks the types of arguments of the video functions."""

from __future__ import annotations

import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from recorder.errors import UsageError

__all__ = ["check_kinds"]


def _is_whole_number(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_place(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and bool(os.fspath(value))


def _is_catalog(value: Any) -> bool:
    return _is_place(value) or hasattr(value, "query_recordings")


_Kind = tuple[str, Callable[[Any], bool]]
_WHOLE_NUMBER: _Kind = ("an integer", _is_whole_number)
_NUMBER: _Kind = ("a number", _is_number)
_TEXT: _Kind = ("text", lambda value: isinstance(value, str))
_FLAG: _Kind = ("True or False", lambda value: isinstance(value, bool))
_PLACE: _Kind = ("a path", _is_place)
_CALL: _Kind = ("a function", callable)

_KINDS: dict[str, _Kind] = {
    **dict.fromkeys(("width", "height", "dpi", "first_step", "end_step", "crf", "n_threads"), _WHOLE_NUMBER),
    **dict.fromkeys(("episode_id", "other_episode_id", "step_index", "stage", "limit"), _WHOLE_NUMBER),
    **dict.fromkeys(("fps", "steps_per_second", "speed", "title_secs", "hold_secs", "keyframe_secs"), _NUMBER),
    **dict.fromkeys(("min_reward", "max_reward", "clip_secs", "llm_secs"), _NUMBER),
    **dict.fromkeys(
        ("style", "pace", "source", "agent", "codec", "preset", "profile", "effects", "narrate", "voice", "captions"),
        _TEXT,
    ),
    **dict.fromkeys(("run_id", "other_run_id", "reason", "order", "llm", "model"), _TEXT),
    **dict.fromkeys(("learning_curve", "emphasis", "chapters"), _FLAG),
    **dict.fromkeys(("recordings_base_dir", "output_path", "output_dir", "sounds_dir", "voice_model"), _PLACE),
    "database_path": ("a path, a URL or a Catalog", _is_catalog),
    **dict.fromkeys(("on_frame", "on_episode"), _CALL),
}
_NEEDED = frozenset(
    ("episode_id", "other_episode_id", "database_path", "recordings_base_dir", "output_path", "output_dir", "order")
)
_SHOWN_LETTERS = 40


def check_kinds(**values: Any) -> None:
    """Check arguments by name; None means left out.

    Raises:
        UsageError: an argument has the wrong type.
    """
    for name, value in values.items():
        what, is_right = _KINDS[name]
        if (value is None and name not in _NEEDED) or (value is not None and is_right(value)):
            continue
        raise UsageError(f"{name} must be {what}, got {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= _SHOWN_LETTERS else f'{text[:_SHOWN_LETTERS]}…'} ({type(value).__name__})"
