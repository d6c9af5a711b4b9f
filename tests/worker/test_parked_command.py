"""``hamlet-recorder parked``: what could not be written, and another try for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recorder.__main__ import main
from recorder.catalog import Catalog, EpisodeRow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalog with two parked episodes, of two runs."""
    now = datetime.now(UTC)
    with Catalog(tmp_path / "catalog.db") as catalog:
        for run_id in ("a", "b"):
            catalog.commit_evaluation(
                run_id, old_cursor="0-0", new_cursor="1-0", criteria_state={}, decided=[], at=now,
                new_episodes=[EpisodeRow(run_id, 7, decision="kept", reasons=("periodic_7",))],
            )  # fmt: skip
            catalog.start_write(run_id, [7], now=now, lease_secs=0)
            catalog.fail_write(run_id, 7, "the stream has no header", not_before=now, max_attempts=1)
    return tmp_path


def ask(capfd: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> Any:
    assert main(["parked", "--recordings", str(folder), "--json", *arguments]) == 0
    return json.loads(capfd.readouterr().out)


def test_parked_episodes_are_listed_with_their_error_and_retried_on_request(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    listed = ask(capfd, folder)
    assert [(it["run_id"], it["error"]) for it in listed["episodes"]] == [
        ("a", "the stream has no header"),
        ("b", "the stream has no header"),
    ]
    assert [it["run_id"] for it in ask(capfd, folder, "--retry", "--run", "a")["episodes"]] == ["a"]
    assert [it["run_id"] for it in ask(capfd, folder)["episodes"]] == ["b"]
    with Catalog(folder / "catalog.db") as catalog:
        row = catalog.get_episode("a", 7)
    assert (row.parked, row.attempts) == (False, 0)


def test_the_table_of_parked_episodes_names_the_next_command(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["parked", "--recordings", str(folder)]) == 0
    assert "--retry" in capfd.readouterr().out
