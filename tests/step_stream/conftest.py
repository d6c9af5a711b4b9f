"""Every test of a stream runs on the twin in memory and on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recorder.step_stream import MemoryStepStream, RedisStepStream, StepStream


@pytest.fixture(params=["memory", "redis"])
def stream(request: pytest.FixtureRequest) -> Iterator[StepStream]:
    """An empty stream of each member of the family."""
    made: StepStream
    if request.param == "memory":
        made = MemoryStepStream()
    else:
        made = RedisStepStream(request.getfixturevalue("redis_url"))
    yield made
    made.close()


@pytest.fixture
def redis_stream(redis_url: str) -> Iterator[RedisStepStream]:
    """An empty stream on the server, for what only a server has."""
    made = RedisStepStream(redis_url)
    yield made
    made.close()
