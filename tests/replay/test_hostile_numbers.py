"""Numbers that no world has: every view of such a recording is drawn or refused, without a warning and in few words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from recorder.catalog import Catalog
from recorder.episode import Substrate
from replay_server.app import EXTENSION
from tests.episodes import add_episode
from tests.replay.conftest import make_app

N_STEPS = 50
NUMBERS = (np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324)


def columns_of(numbers: tuple[float, ...], n_dims: int = 2) -> dict[str, np.ndarray]:
    """Every column of floats, filled with these numbers in turn."""

    def filled(*shape: int) -> np.ndarray:
        return np.resize(np.array(numbers), (N_STEPS, *shape))

    return {
        "position": filled(n_dims),
        "meters": filled(3),
        "reward": filled(),
        "q_values": filled(5),
        "interaction_progress": filled(),
        "action": np.zeros(N_STEPS, np.int64),
        "extras.value": filled(),
        "extras.observation": filled(3),
    }


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Callable[..., FlaskClient]]:
    """Makes recordings by their options, numbered from 0, and a client of a server that shows them."""
    apps = []

    def make(*recordings: dict[str, Any]) -> FlaskClient:
        with Catalog(tmp_path / "catalog.db") as catalog:
            for episode_id, options in enumerate(recordings):
                add_episode(catalog, tmp_path, run_id="hostile", episode_id=episode_id, n_steps=N_STEPS, **options)
        apps.append(make_app(tmp_path))
        return apps[-1].test_client()

    yield make
    for app in apps:
        app.extensions[EXTENSION].close("the test is over")


def test_every_view_accepts_every_number(hostile: Callable[..., FlaskClient]) -> None:
    recordings = []
    for n_dims in (0, 1, 2):
        cells = {f"at {x} {y}": (x, y)[:n_dims] for x in NUMBERS for y in NUMBERS}
        for numbers in (*((number,) for number in NUMBERS), NUMBERS, (1e308, -1e308)):
            columns = columns_of(numbers, n_dims)
            if n_dims < 2:
                del columns["position" if n_dims == 0 else "meters"]
            recordings.append({"columns": columns, "affordance_layout": cells, "grid_size": None})
    client = hostile(*recordings)
    library = client.application.extensions[EXTENSION].library
    for episode_id in range(len(recordings)):
        path = f"/api/v1/episodes/hostile/{episode_id}"
        for index in (0, N_STEPS // 2, N_STEPS - 1):
            answer = client.get(f"{path}/thumbnail.png?t={index}")
            assert (answer.status_code, answer.data[:4]) == (200, b"\x89PNG")
        assert len(client.get(f"{path}/steps").data.splitlines()) == N_STEPS
        opened = library.prepared("hostile", episode_id)
        assert "NaN" not in opened.outline_json
        assert b"state_update" in library.update(opened, 0)


def test_every_view_accepts_every_grid_size(hostile: Callable[..., FlaskClient]) -> None:
    sizes: list[Any] = [0, -3, 2**63 - 1, (0, 0), (-1, 2**62), (2**62, 1)]
    client = hostile(*({"grid_size": size} for size in sizes))
    for episode_id in range(len(sizes)):
        assert client.get(f"/api/v1/episodes/hostile/{episode_id}/thumbnail.png").status_code == 200


def test_every_view_accepts_every_space(hostile: Callable[..., FlaskClient]) -> None:
    spaces = [Substrate("grid", n_dims, -1, 0) for n_dims in (-5, 0, 2**40)] + [Substrate("s" * 70_000, 2)]
    client = hostile(*({"substrate": space, "grid_size": None} for space in spaces))
    library = client.application.extensions[EXTENSION].library
    for episode_id in range(len(spaces)):
        assert client.get(f"/api/v1/episodes/hostile/{episode_id}/thumbnail.png").status_code == 200
        assert len(library.update(library.prepared("hostile", episode_id), 0)) < 10_000


def test_long_names_are_shortened_in_errors(hostile: Callable[..., FlaskClient]) -> None:
    """What a header says once is not repeated at length with every step and marker."""
    long = "n" * 70_000
    layout = {long: (3, 3), **{f"a{number}": (1, 1) for number in range(5000)}}
    client = hostile({"affordance_layout": layout, "meter_names": (long, f"{long}2"), "action_names": (long,)})
    library = client.application.extensions[EXTENSION].library
    opened = library.prepared("hostile", 0)
    assert len(library.update(opened, 0)) < 100_000
    assert all(len(marker.label) < 400 for marker in opened.outline.markers())
    answer = client.get(f"/api/v1/episodes/hostile/0/steps?fields={'f' * 20_000}")
    assert (answer.status_code, len(answer.data) < 1500) == (400, True)
