"""What recordings may take on the server: refused beyond it with the reason, and let go of afterwards."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import numpy as np
import pytest
from flask import Flask

from recorder.catalog import Catalog
from recorder.episode_file import open_episode
from recorder.episode_file import version1 as version1_file
from recorder.errors import EpisodeFileTooLargeError
from recorder.framing import compress_frame
from recorder.storage import LocalStorage
from replay_server.app import EXTENSION
from tests.episode_file.test_hostile import build, header
from tests.episodes import add_episode
from tests.replay.conftest import make_app

MIB = 2**20
STEPS = "/api/v1/episodes/demo/{}/steps"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """A server that may take 32 MiB, over recordings of which each takes some seven."""
    numbers = np.random.default_rng(0).integers(0, 255, (600, 10_000)).astype(np.uint8)
    with Catalog(tmp_path / "catalog.db") as catalog:
        for episode_id in range(3):
            columns = {"reward": np.ones(600, np.float32), "extras.noise": numbers[: 400 - episode_id]}
            columns["reward"] = columns["reward"][: 400 - episode_id]
            add_episode(
                catalog, tmp_path, episode_id=episode_id, n_steps=400 - episode_id, columns=columns, chunk_steps=100
            )
    app = make_app(tmp_path, server={"memory_bytes": 32 * MIB, "cache_bytes": MIB})
    yield app
    app.extensions[EXTENSION].close("the test is over")


def test_memory_in_use_is_counted_and_freed(app: Flask) -> None:
    client, memory = app.test_client(), app.extensions[EXTENSION].library.memory
    held = [client.get(STEPS.format(episode_id), buffered=False) for episode_id in (0, 1)]
    refused = client.get(STEPS.format(2))
    assert (refused.status_code, refused.json["error"]["code"]) == (503, "unavailable")
    assert "memory_bytes" in refused.json["error"]["message"]
    again = client.get(STEPS.format(0), buffered=False)
    assert again.status_code == 200, "one that is open is shared"
    for answer in (*held, again):
        answer.close()
    del answer, again
    held.clear()
    gc.collect()
    assert memory.n_bytes == 0
    assert client.get(STEPS.format(2)).status_code == 200


def version1(steps: list[object]) -> bytes:
    metadata = header()["metadata"]
    return compress_frame(msgpack.packb({"version": 1, "metadata": metadata, "steps": steps, "affordances": {}}))


def huge_chunk() -> bytes:
    return build([[0, 4, [bytes(40 * MIB)]]], head=header(schema=[["position", "|u1", [10 * MIB], "plain"]]))


def added_columns() -> bytes:
    specs = [[[f"extras.{chunk}.{n}", "|u1", [0], "planes"] for n in range(600)] for chunk in range(8)]
    return build([[chunk, 1, [b"1", *[b""] * 600], specs[chunk]] for chunk in range(8)])


def many_steps() -> bytes:
    schema = [["q_values", "<f8", [2000], "plain"]]
    return build([[256 * n, 256, [None]] for n in range(300)], head=header(schema=schema))


BOMBS: dict[str, Callable[[], bytes]] = {
    "a huge chunk": huge_chunk,
    "a torn file of a huge chunk": lambda: huge_chunk()[:-24],
    "many steps": many_steps,
    "columns that each chunk adds": added_columns,
    "small numbers of version 1": lambda: version1([{"step": n, "position": [1] * 100_000} for n in range(180)]),
    "empty steps of version 1": lambda: version1([{}] * 5001),
    "lists of version 1": lambda: version1([{"step": n, "meters": [[1]] * 2000} for n in range(11)]),
}
"""Files of a few kB that would take gigabytes, or many seconds."""


@pytest.mark.parametrize("name", BOMBS)
def test_a_decompression_bomb_is_refused_with_413(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version1_file, "MAX_STEPS", 5000)  # a hundredth of what they are: it is quicker so
    monkeypatch.setattr(version1_file, "MAX_CONTAINERS", 20_000)
    with Catalog(tmp_path / "catalog.db") as catalog:
        row = add_episode(catalog, tmp_path, episode_id=0)
    LocalStorage(tmp_path).write_all({row.file_path: BOMBS[name]()})
    app = make_app(tmp_path)
    answer = app.test_client().get("/api/v1/episodes/demo/0/thumbnail.png")
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")
    assert len(answer.data) < 1500
    assert app.extensions[EXTENSION].library.memory.n_bytes == 0, "what was refused is still counted"
    app.extensions[EXTENSION].close("the test is over")


def test_a_step_with_too_many_numbers_is_not_sent_as_json(tmp_path: Path) -> None:
    columns = {"reward": np.ones(3, np.float32), "extras.frame": np.zeros((3, 3 * MIB), np.uint8)}
    with Catalog(tmp_path / "catalog.db") as catalog:
        add_episode(catalog, tmp_path, episode_id=0, n_steps=3, columns=columns)
    app = make_app(tmp_path)
    client = app.test_client()
    assert client.get(STEPS.format(0)).status_code == 413
    assert client.get(STEPS.format(0) + "?fields=reward").status_code == 200
    app.extensions[EXTENSION].close("the test is over")


def test_an_error_repeats_little_of_the_file() -> None:
    spoilt = header()
    spoilt["metadata"]["grid_size"] = "g" * 70_000
    spoilt["metadata"]["run_id"] = ["r" * 70_000]
    for head in (
        spoilt,
        header(schema=[["s" * 70_000] * 4]),
        header(reasons={"r" * 70_000: 1}),
        header(version="v" * 70_000),
    ):
        with pytest.raises(Exception, match=r".") as caught:
            open_episode(build([[0, 4, [b"1234"]]], head=head))
        assert len(str(caught.value)) < 1000
    assert len(str(EpisodeFileTooLargeError("x" * 10_000))) < 1000
