"""Every test of the catalog runs on SQLite and on PostgreSQL, through the fixture ``catalog``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from recorder.catalog import Catalog
from tests.postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes an empty database and returns its URL."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.new_database
    numbers = count()
    return lambda: f"sqlite:///{tmp_path / f'catalog_{next(numbers)}.db'}"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def module_catalog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('catalog') / 'catalog.db'}"
    with Catalog(url) as catalog:
        yield catalog


@pytest.fixture
def catalog(module_catalog: Catalog) -> Iterator[Catalog]:
    """An empty catalog; its database is shared by the tests of a module."""
    yield module_catalog
    for run in module_catalog.list_runs():
        module_catalog.delete_run(run.run_id)
