"""Numbers that no world has: every view of such a recording is drawn or refused, without a warning and in few words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from recorder.catalog import Catalog
from replay_server.app import EXTENSION
from tests.episodes import add_episode, make_columns
from tests.replay.conftest import make_app

N_STEPS = 50
NUMBERS = (np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324)
PATH = "/api/v1/episodes/hostile/1"


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


def client_of(folder: Path, **options: Any) -> FlaskClient:
    with Catalog(folder / "catalog.db") as catalog:
        add_episode(catalog, folder, run_id="hostile", episode_id=1, **options)
    return make_app(folder).test_client()


@pytest.mark.parametrize("numbers", [*((number,) for number in NUMBERS), NUMBERS, (1e308, -1e308)])
@pytest.mark.parametrize("n_dims", [0, 1, 2])
def test_every_view_bears_every_number(tmp_path: Path, numbers: tuple[float, ...], n_dims: int) -> None:
    cells = {f"at {x} {y}": (x, y)[:n_dims] for x in NUMBERS for y in NUMBERS}
    options: dict[str, Any] = {"n_steps": N_STEPS, "columns": columns_of(numbers, n_dims), "affordance_layout": cells}
    if n_dims == 0:
        del options["columns"]["position"]
    if n_dims == 1:
        del options["columns"]["meters"]
    client = client_of(tmp_path, grid_size=None, **options)
    for index in (0, N_STEPS // 2, N_STEPS - 1):
        answer = client.get(f"{PATH}/thumbnail.png?t={index}")
        assert (answer.status_code, answer.data[:4]) == (200, b"\x89PNG")
    assert len(client.get(f"{PATH}/steps").data.splitlines()) == N_STEPS
    library = client.application.extensions[EXTENSION].library
    opened = library.prepared("hostile", 1)
    assert b"NaN" not in opened.outline_json.encode()
    assert b"state_update" in library.update(opened, 0)
    client.application.extensions[EXTENSION].close("the test is over")


@pytest.mark.parametrize("size", [0, -3, 2**63 - 1, (0, 0), (-1, 2**62), (2**62, 1)])
def test_every_view_bears_every_size_of_a_grid(tmp_path: Path, size: Any) -> None:
    client = client_of(tmp_path, n_steps=N_STEPS, columns=make_columns(N_STEPS), grid_size=size)
    assert client.get(f"{PATH}/thumbnail.png").status_code == 200
    client.application.extensions[EXTENSION].close("the test is over")


def test_names_of_any_length_are_told_in_few_words(tmp_path: Path) -> None:
    """What a header says once is not repeated at length with every step and marker."""
    long = "n" * 70_000
    client = client_of(
        tmp_path,
        n_steps=N_STEPS,
        affordance_layout={long: (3, 3), **{f"a{number}": (1, 1) for number in range(5000)}},
        meter_names=(long, long + "2"),
        action_names=(long,),
    )
    library = client.application.extensions[EXTENSION].library
    opened = library.prepared("hostile", 1)
    assert len(library.update(opened, 0)) < 100_000
    assert all(len(marker.label) < 400 for marker in opened.markers)
    answer = client.get(f"{PATH}/steps?fields={'f' * 20_000}")
    assert (answer.status_code, len(answer.data) < 1500) == (400, True)
    client.application.extensions[EXTENSION].close("the test is over")
