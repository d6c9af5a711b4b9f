"""Recordings in a pack, as the commands and the replay server see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.catalog import Catalog
from recorder.errors import RecordingNotFoundError
from recorder.replay.manager import ReplayManager
from recorder.storage import LocalStorage, build_pack
from replay_server.app import EXTENSION
from tests.command_line import Call
from tests.episodes import make_episode_file
from tests.replay.conftest import make_app

PACK = "demo/episode_000000-000003_0123456789ab.pack.lz4"


@pytest.fixture
def packed(tmp_path: Path, call: Call) -> Path:
    """A folder with four recordings in one pack, and their catalog."""
    folder = tmp_path / "recordings"
    members = {
        f"episode_{n:06d}.msgpack": make_episode_file(episode_id=n, n_steps=2, compression="none") for n in range(4)
    }
    LocalStorage(folder).write_all({PACK: build_pack(members)})
    answer = call("reindex", "--recordings", folder)
    assert (answer.status, "4 files: 4 recordings" in answer.err + answer.out) == (0, True), answer
    return folder


def test_each_command_takes_a_recording_in_a_pack(call: Call, packed: Path) -> None:
    at = ("--recordings", packed)
    for source in (("2", *at), (packed / PACK / "episode_000002.msgpack",)):
        steps = call("cat", *source).out.splitlines()
        assert len(steps) == 2
    shown = call("show", "2", *at, "--json").document
    assert shown["recording"]["file_path"] == f"{PACK}/episode_000002.msgpack"
    verified = call("verify", *at, "--json").document
    assert (verified["n_files"], verified["n_broken"]) == (4, 0)
    named = call("verify", packed / PACK, packed / PACK / "episode_000002.msgpack", "--json").document
    assert [file["episode_id"] for file in named["files"]] == [0, 1, 2, 3, 2]
    assert "recorded files" in call("doctor", *at, "--json").out
    alone = packed / "alone.msgpack.lz4"
    assert call("convert", packed / PACK / "episode_000002.msgpack", alone).status == 0
    assert alone.read_bytes() == make_episode_file(episode_id=2, n_steps=2)
    refused = call("convert", "--in-place", packed / PACK / "episode_000002.msgpack")
    assert (refused.status, "can't be replaced" in refused.err) == (1, True)


def test_prune_deletes_from_a_pack_and_then_the_pack(call: Call, packed: Path) -> None:
    at = ("--recordings", packed, "--json")
    size = (packed / PACK).stat().st_size
    assert call("prune", "--max-bytes", size // 2, *at).document["n_recordings"] == 2
    assert [Path(name).name for name in LocalStorage(packed).packed_names(PACK)] == [
        "episode_000002.msgpack",
        "episode_000003.msgpack",
    ]
    assert call("reindex", *at).document["n_files"] == 2
    assert call("prune", "--max-bytes", 0, *at).document["n_recordings"] == 2
    assert not (packed / PACK).exists()


def test_the_replay_server_shows_serves_and_deletes_a_recording_in_a_pack(packed: Path) -> None:
    app = make_app(packed)
    client = app.test_client()
    try:
        assert client.get("/api/v1/episodes/demo/2/steps").status_code == 200
        with client.get("/api/v1/episodes/demo/2/file") as answer:
            assert answer.data == make_episode_file(episode_id=2, n_steps=2, compression="none")
            assert "episode_000002.msgpack" in answer.headers["Content-Disposition"]
        with client.get("/api/v1/episodes/demo/2/file", headers={"Range": "bytes=5-9"}) as part:
            assert len(part.data) == 5
        assert client.get("/api/v1/episodes/demo/2/thumbnail.png").status_code == 200
        assert client.delete("/api/v1/episodes/demo/2").status_code == 204
        assert client.get("/api/v1/episodes/demo/2/steps").status_code == 404
        assert client.get("/api/v1/episodes/demo/3/steps").status_code == 200
    finally:
        app.extensions[EXTENSION].close("the test is over")
    with Catalog(packed / "catalog.db") as catalog:
        manager = ReplayManager(catalog, packed)
        assert manager.load_episode(3)
        with pytest.raises(RecordingNotFoundError):
            manager.load_episode(2)
