"""Where killed trainers leave their boxes, and where their steps must arrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.step_stream import RedisStepStream


@pytest.fixture
def stream(redis_url: str) -> Iterator[RedisStepStream]:
    """The session's server, as a recovery sees it."""
    stream = RedisStepStream(redis_url)
    yield stream
    stream.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of black boxes, not yet made."""
    return tmp_path / "boxes"
