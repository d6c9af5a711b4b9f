"""The rig on a stream in memory and on a real server, with a catalog in SQLite, and for some tests in PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.catalog import Catalog
from recorder.step_stream import MemoryStepStream, RedisStepStream, StepStream
from tests.ingest.rig import RUN, Rig
from tests.ingest.trainer import Trainer


@pytest.fixture(params=["memory", "redis"])
def stream(request: pytest.FixtureRequest) -> Iterator[StepStream]:
    """The twin in memory, and the real thing."""
    if request.param == "memory":
        yield MemoryStepStream()
        return
    stream = RedisStepStream(request.getfixturevalue("redis_url"))
    yield stream
    stream.close()


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog without rows, to be copied: making its tables takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "catalog.db"
    Catalog(path).close()
    return path


@pytest.fixture
def folder(tmp_path: Path, empty_catalog: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    shutil.copy(empty_catalog, folder / "catalog.db")
    return folder


@pytest.fixture
def rig(stream: StepStream, folder: Path) -> Iterator[Rig]:
    with Catalog(folder / "catalog.db") as catalog:
        yield Rig(stream, catalog, folder)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def rig_on_either_database(request: pytest.FixtureRequest, folder: Path, redis_url: str) -> Iterator[Rig]:
    """On a real server; the catalog in SQLite and in PostgreSQL."""
    url = folder / "catalog.db" if request.param == "sqlite" else request.getfixturevalue("postgres").new_database()
    stream = RedisStepStream(redis_url)
    with Catalog(url) as catalog:
        yield Rig(stream, catalog, folder)
    stream.close()


@pytest.fixture
def trainer(rig: Rig) -> Trainer:
    return Trainer(rig.stream, RUN)
