"""Senders in tests don't wait."""

from __future__ import annotations

import pytest

from recorder.publish import pace, trouble
from recorder.publish.delivery import succession


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(succession, "_SECOND_LOOK_SECS", 0)
    monkeypatch.setattr(pace, "_PAUSE_SECS", (0, 0))
    monkeypatch.setattr(trouble, "_FIRST_BACKOFF_SECS", 0)
