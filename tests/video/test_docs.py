"""The page about videos names everything that can be chosen."""

from __future__ import annotations

import re
from pathlib import Path

from recorder.video.codecs import EncoderSettings
from recorder.video.request import VIDEO_CHOICES
from worker.video import PROFILES, VideoOptions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "video.md").read_text()


def test_every_choice_and_profile_is_explained() -> None:
    for name in (*VIDEO_CHOICES, *PROFILES):
        assert f"`{name}`" in PAGE, name


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"\((pictures/[^)]+)\)", PAGE)
    assert pictures
    for picture in pictures:
        assert (ROOT / "docs" / picture).is_file(), picture


def test_a_request_accepts_every_video_choice() -> None:
    ours = set(VideoOptions.__dataclass_fields__) - {"encoder"} | set(EncoderSettings.__dataclass_fields__)
    assert set(VIDEO_CHOICES) - {"profile", "dpi"} <= ours
    for name, kind in VIDEO_CHOICES.items():
        if name not in ("profile", "dpi"):
            VideoOptions.chosen(**{name: kind(1)})
