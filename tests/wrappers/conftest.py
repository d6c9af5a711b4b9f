"""A recorder that keeps its steps in memory."""

from __future__ import annotations

import pytest

from recorder.capture import EpisodeRecorder


@pytest.fixture
def memory() -> EpisodeRecorder:
    return EpisodeRecorder(strict=True, sender="thread")
