"""``ReplayManager``: the calls of the original protocol, on files of both versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.errors import RecordingNotFoundError, UsageError
from recorder.replay.manager import ReplayManager


@pytest.fixture
def replay(folder: Path) -> ReplayManager:
    manager = ReplayManager(folder / "catalog.db", folder)
    assert manager.load_episode(100) is True
    return manager


def test_the_original_replaymanager_calls_work(replay: ReplayManager) -> None:
    replay.play()
    assert replay.is_playing()
    replay.pause()
    assert not replay.is_playing()
    step = replay.next_step()
    assert step is not None
    assert step["step"] == 1
    replay.seek(25)
    current = replay.get_current_step()
    assert current is not None
    assert current["step"] == replay.current_step_index == 25
    replay.reset()
    assert replay.current_step_index == 0
    assert replay.get_metadata()["episode_id"] == 100
    assert replay.get_affordances() == {"Bed": (2, 3), "Job": (5, 6)}


@pytest.mark.parametrize("run_id", ["old", "plain", "demo"])
def test_a_step_has_the_original_fields_in_both_versions(replay: ReplayManager, run_id: str) -> None:
    replay.load_episode(100 if run_id == "demo" else 1, run_id)
    step = replay.seek(7)
    assert step is not None
    assert set(step) >= {
        "step", "position", "meters", "action", "reward", "intrinsic_reward", "done", "q_values", "time_of_day",
        "interaction_progress",
    }  # fmt: skip
    assert (type(step["position"]), len(step["meters"]), type(step["action"])) == (list, 8, int)
    assert (step["reward"], step["intrinsic_reward"], step["done"], step["time_of_day"]) == (1.0, 0.25, False, 7)


def test_versions_agree_step_by_step(folder: Path) -> None:
    manager = ReplayManager(folder / "catalog.db", folder)
    manager.load_episode(1, "old")
    old = [manager.get_current_step(), *iter(manager.next_step, None)]
    manager.load_episode(1, "plain")
    assert [manager.get_current_step(), *iter(manager.next_step, None)] == old
    assert len(old) == 50


def test_stepping_stops_at_both_ends(replay: ReplayManager) -> None:
    assert replay.previous_step() is None
    replay.play()
    replay.seek(49)
    assert replay.next_step() is None
    assert not replay.is_playing()
    step = replay.previous_step()
    assert step is not None
    assert step["step"] == 48
    for index in (-1, 50):
        with pytest.raises(UsageError, match="in an episode of 50 steps"):
            replay.seek(index)


def test_playing_at_the_end_starts_over(replay: ReplayManager) -> None:
    replay.seek(49)
    replay.play()
    assert replay.current_step_index == 0


def test_an_episode_without_steps_is_empty_and_not_an_error(replay: ReplayManager) -> None:
    replay.load_episode(1, "empty")
    assert (replay.n_steps, replay.get_current_step(), replay.next_step()) == (0, None, None)
    replay.play()
    assert not replay.is_playing()


def test_without_a_run_the_newest_is_taken(replay: ReplayManager) -> None:
    replay.load_episode(1)
    assert replay.get_metadata()["episode_id"] == 1


def test_a_failed_load_keeps_the_loaded_episode(replay: ReplayManager) -> None:
    replay.seek(3)
    with pytest.raises(RecordingNotFoundError, match=r"^Recording not found"):
        replay.load_episode(4711)
    assert (replay.n_steps, replay.current_step_index) == (50, 3)


def test_recordings_are_listed_by_filters(replay: ReplayManager) -> None:
    assert {row["episode_id"] for row in replay.list_recordings(run="demo", stage=2)} == {100}
    assert len(replay.list_recordings(reason="periodic_*", limit=3)) == 3


def test_calls_before_a_load_explain_the_next_step(folder: Path) -> None:
    manager = ReplayManager(folder / "catalog.db", folder)
    for call in (manager.get_current_step, manager.get_metadata, manager.next_step, manager.play):
        with pytest.raises(UsageError, match="load_episode"):
            call()


def test_stepping_does_not_read_the_disk(replay: ReplayManager, own_folder: Path) -> None:
    manager = ReplayManager(own_folder / "catalog.db", own_folder)
    manager.load_episode(100)
    for path in own_folder.rglob("*.lz4"):
        path.unlink()
    assert sum(1 for _ in iter(manager.next_step, None)) == 49
