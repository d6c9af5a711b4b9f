"""Arguments of a wrong kind: one sentence that names the argument, from every public function of a video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recorder.errors import UsageError
from recorder.video.options import VideoOptions
from recorder.video.request import options_of_request
from worker.video import (
    batch_export_videos,
    export_comparison_video,
    export_episode_video,
    export_reel_video,
    write_webvtt,
)

PLACES = {"database_path": "catalog.db", "recordings_base_dir": "recordings"}
ONE = {**PLACES, "episode_id": 1, "output_path": "x.mp4"}
CALLS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (export_episode_video, ONE),
    (write_webvtt, ONE),
    (export_comparison_video, {**ONE, "other_episode_id": 2}),
    (export_reel_video, {**PLACES, "output_path": "x.mp4"}),
    (batch_export_videos, {**PLACES, "output_dir": "videos"}),
]
WRONG = [
    *(
        dict.fromkeys([name], value)
        for name in ("dpi", "width", "crf", "end_step")
        for value in ("150", 150.5, True, [150])
    ),
    *(dict.fromkeys([name], value) for name in ("fps", "speed", "steps_per_second") for value in ("60", True, {})),
    *(
        dict.fromkeys([name], value)
        for name in ("style", "codec", "preset", "profile")
        for value in (5, b"dark", ["dark"])
    ),
    *(dict.fromkeys([name], value) for name in ("learning_curve", "chapters") for value in ("yes", 1)),
    *(
        dict.fromkeys([name], value)
        for name in ("run_id", "database_path", "recordings_base_dir")
        for value in (5, b"x")
    ),
]


@pytest.mark.parametrize(("export", "arguments"), CALLS, ids=lambda it: getattr(it, "__name__", ""))
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_an_argument_of_a_wrong_type_is_named_in_the_error(
    export: Callable[..., Any], arguments: dict[str, Any], wrong: dict[str, Any]
) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(UsageError) as caught:
        export(**{**arguments, **wrong})
    assert str(caught.value).startswith(f"{name} must be ")
    assert type(value).__name__ in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("export", "wrong"),
    [
        (export_episode_video, {"episode_id": "1"}),
        (export_episode_video, {"output_path": None}),
        (export_episode_video, {"on_frame": 5}),
        (export_comparison_video, {"other_episode_id": None}),
        (export_reel_video, {"clip_secs": "20"}),
        *((batch_export_videos, {name: "2"}) for name in ("stage", "min_reward", "max_reward", "limit", "on_episode")),
        *((batch_export_videos, {name: 2}) for name in ("reason", "order", "output_dir")),
    ],
)
def test_arguments_of_single_functions_are_checked_too(export: Callable[..., Any], wrong: dict[str, Any]) -> None:
    ((name, _),) = wrong.items()
    with pytest.raises(UsageError, match=f"^{name} must be "):
        export(**{**dict(CALLS)[export], **wrong})


def test_numpy_numbers_and_whole_rates_are_accepted() -> None:
    numpy = pytest.importorskip("numpy")
    options = VideoOptions.chosen(dpi=numpy.int64(150), fps=60, speed=numpy.float32(2.0), style="light")
    assert (options.width, options.height, options.fps) == (2400, 1350, 60)
    options.check(".mp4")


def test_a_long_value_is_shortened_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        export_episode_video(1, tmp_path / "c.db", tmp_path, tmp_path / "x.mp4", dpi="9" * 10_000)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("request_", [None, [1], "{"])
def test_a_request_that_another_program_spoiled_is_refused_as_a_whole(request_: Any) -> None:
    with pytest.raises(UsageError, match="request the video again"):
        options_of_request(request_)
