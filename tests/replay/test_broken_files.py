"""Files that are missing, cut off, corrupt or from the future: the right error, in words that help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgpack
import pytest

from recorder.catalog import Catalog, Decision, EpisodeRow
from recorder.errors import EpisodeFileCorruptError, EpisodeFileVersionError, RecorderError, RecordingNotFoundError
from recorder.framing import compress_frame
from recorder.replay.manager import ReplayManager
from recorder.storage import episode_path
from tests.replay.conftest import connecting, make_app, serving_here

PLACE = episode_path("demo", 100)


def cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def cut_tail(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-60])


def flip_column(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def from_the_future(path: Path) -> None:
    path.write_bytes(compress_frame(msgpack.packb({"version": 99})))


def not_ours(path: Path) -> None:
    path.write_bytes(b"hello")


BROKEN: list[tuple[Callable[[Path], None], str, type[RecorderError], str]] = [
    (Path.unlink, "not_found", RecordingNotFoundError, "Recording not found: .* moved or deleted"),
    (cut_header, "unreadable", EpisodeFileCorruptError, "cut off"),
    (flip_column, "unreadable", EpisodeFileCorruptError, "episode_000100"),
    (from_the_future, "unreadable", EpisodeFileVersionError, "update hamlet-recorder"),
    (not_ours, "unreadable", EpisodeFileCorruptError, "not a recording"),
]


@pytest.mark.parametrize(("damage", "code", "error", "words"), BROKEN)
def test_a_broken_file_is_reported_in_every_protocol(
    own_folder: Path, damage: Callable[[Path], None], code: str, error: type[RecorderError], words: str
) -> None:
    damage(own_folder / PLACE)
    with serving_here(app := make_app(own_folder)) as port, connecting(port) as connect:
        viewer = connect()
        for message in ({"type": "load_replay", "episode_id": 100}, {"type": "open", "id": 1, "episode_id": 100}):
            viewer.send(**message)
            assert viewer.receive("error")["code"] == code
        answer = app.test_client().get("/api/v1/episodes/demo/100/steps")
        assert answer.status_code == (404 if code == "not_found" else 422)
        viewer.send(type="load_replay", episode_id=200)
        viewer.receive("replay_loaded")
    manager = ReplayManager(own_folder / "catalog.db", own_folder)
    with pytest.raises(error, match=words):
        _first_step(manager)


def _first_step(manager: ReplayManager) -> None:
    manager.load_episode(100)
    manager.get_current_step()


def test_a_torn_recording_still_plays_and_is_marked(own_folder: Path) -> None:
    cut_tail(own_folder / episode_path("long", 1))
    manager = ReplayManager(own_folder / "catalog.db", own_folder)
    manager.load_episode(1, "long")
    assert manager.get_metadata()["status"] == "salvaged"
    assert manager.n_steps >= 768


def test_a_path_in_the_catalog_cannot_leave_the_recordings_folder(own_folder: Path) -> None:
    secret = own_folder.parent / "secret.msgpack.lz4"
    secret.write_bytes((own_folder / PLACE).read_bytes())
    with Catalog(own_folder / "catalog.db") as catalog:
        row = catalog.get_recording("demo", 100)
        for place in ("../secret.msgpack.lz4", str(secret)):
            catalog.upsert_recordings([replace(row, file_path=place)])
            with pytest.raises(RecorderError, match="not a name below the recordings folder"):
                ReplayManager(catalog, own_folder).load_episode(100)


@pytest.mark.parametrize(
    ("decision", "words"),
    [("held", "no criterion can claim it"), ("skipped", "not kept by any"), ("kept", "about to be")],
)
def test_a_missing_recording_is_explained(own_folder: Path, decision: str, words: str) -> None:
    with Catalog(own_folder / "catalog.db") as catalog:
        row = EpisodeRow("demo", 7, decision="held")
        state = catalog.load_run_state("demo")
        settled = [] if decision == "held" else [Decision(7, decision, (), "[]")]
        catalog.commit_evaluation(
            "demo",
            old_cursor=state.cursor,
            new_cursor="9-9",
            criteria_state={},
            new_episodes=[row],
            decided=settled,
            at=datetime.now(UTC),
        )
        with pytest.raises(RecordingNotFoundError, match=f"^Recording not found: .*{words}"):
            ReplayManager(catalog, own_folder).load_episode(7)
