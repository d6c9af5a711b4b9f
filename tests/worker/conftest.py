"""Two workers on one server, shared by the tests of a file: once with SQLite, once with PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recorder.redis_server.embedded import EmbeddedServer
from tests.worker.cluster import Cluster, open_cluster, workers
from tests.worker.installations import Command


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    place = tmp_path_factory.mktemp("cluster")
    database = None if request.param == "sqlite" else request.getfixturevalue("postgres").new_database()
    with (
        EmbeddedServer(place / "server") as server,
        open_cluster(place, server.url, database=database) as cluster,
        workers(cluster, 2),
    ):
        yield cluster


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """``command("list", "--json")``."""
    return Command(capfd)
