"""Thumbnails of recorded pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recorder.catalog import Catalog
from replay_server.app import EXTENSION
from tests.agent_episodes import SEEN, seen_by_agents
from tests.episodes import add_episode
from tests.replay.conftest import make_app
from tests.replay.test_rest import thumbnail_pixels


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [((60, 16, 3), 64, (0, 15, 49)), ((16, 64, 3), 128, (16, 0, 128)), ((4, 32, 32), 64, (0, 0, 64))],
)
def test_a_thumbnail_shows_the_picture_of_its_step(
    tmp_path: Path, shape: tuple[int, ...], size: int, expected: tuple[int, int, int]
) -> None:
    n_steps = 12
    pictures = np.zeros((n_steps, *shape), np.uint8)
    pictures += (20 * np.arange(n_steps, dtype=np.uint8)).reshape(-1, *[1] * len(shape))
    with Catalog(tmp_path / "catalog.db") as catalog:
        columns = {"reward": np.ones(n_steps, "<f4"), "extras.observation": pictures}
        add_episode(catalog, tmp_path, run_id="seen", episode_id=1, columns=columns)
    app = make_app(tmp_path)
    answer = app.test_client().get(f"/api/v1/episodes/seen/1/thumbnail.png?t=7&size={size}")
    app.extensions[EXTENSION].close("the test is over")
    assert answer.status_code == 200
    pixels = thumbnail_pixels(answer.data)
    top, left, right = expected
    assert (pixels[top : len(pixels) - top, left:right] == 140).all()
    assert not (pixels[:, :left] == 140).any()
    assert pixels.shape[1] == size


def test_a_thumbnail_shows_what_the_agent_with_the_highest_return_sees(tmp_path: Path) -> None:
    seen = seen_by_agents()
    with Catalog(tmp_path / "catalog.db") as catalog:
        columns = {name: seen.column(name) for name in seen.names}
        add_episode(catalog, tmp_path, run_id="team", episode_id=1, columns=columns, agents=seen.metadata.agents)
    app = make_app(tmp_path)
    answer = app.test_client().get("/api/v1/episodes/team/1/thumbnail.png?t=5&size=48")
    app.extensions[EXTENSION].close("the test is over")
    np.testing.assert_array_equal(thumbnail_pixels(answer.data), SEEN["red_1"][5].repeat(2, axis=0).repeat(2, axis=1))
