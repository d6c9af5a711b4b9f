"""``list``, ``show``, ``why`` and ``prune`` on a small catalog."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.commands.prune import choose_victims
from recorder.commands.terminal.exit_status import ExitStatus
from tests.command_line import Call
from tests.commands.conftest import FILE_BYTES, RUN, WHY, root_catalog


def episode_ids(answer: object) -> list[int]:
    return [row["episode_id"] for row in answer.document]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [0, 1, 2, 3]),
        (["--stage", 2], [2, 3]),
        (["--reason", "periodic_*"], [1, 3]),
        (["--reason", "manual_x"], [0, 2]),
        (["--reason", "you: x"], [0, 2]),
        (["--reason", "Every 100th"], [1, 3]),
        (["--reason", "top 10%"], [0, 2]),
        (["--min-reward", 10, "--max-reward", 20], [1, 2]),
        (["--order", "reward", "--limit", 1], [3]),
        (["--order", "reward", "--ascending", "--limit", 2], [0, 1]),
        (["--status", "salvaged"], []),
        (["--run", RUN], [0, 1, 2, 3]),
    ],
)
def test_list_filters_and_orders(call: Call, recordings: Path, options: list[object], expected: list[int]) -> None:
    assert episode_ids(call("list", "--json", "--recordings", recordings, *options)) == expected


def test_list_prints_a_table_for_people(call: Call, recordings: Path) -> None:
    lines = call("list", "--recordings", recordings).out.splitlines()
    assert lines[0].strip() == "4 recordings"
    assert lines[1].split() == ["run", "episode", "stage", "return", "steps", "status", "reasons", "size", "file"]
    assert "1000 B" in lines[2]
    assert "top 10 %, you: x" in lines[2]
    assert f"{RUN}/episode_000000.msgpack.lz4" in lines[2]


def test_an_unknown_order_is_wrong_usage(call: Call, recordings: Path) -> None:
    answer = call("list", "--recordings", recordings, "--order", "size")
    assert answer.status == ExitStatus.USAGE
    assert "reward" in answer.err


def test_list_without_a_catalog_says_what_to_do(call: Call) -> None:
    answer = call("list")
    assert answer.status == ExitStatus.FAILED
    assert "no catalog here yet: record an episode, or run 'hamlet-recorder reindex'" in answer.err


@pytest.mark.parametrize(
    "command",
    [
        *("list", "verify", "reindex", "prune --max-bytes 0", "parked --retry", "stats", "videos"),
        *("show 3", "why 3", "cat 3", "export 3", "export 3 --html", "batch --output-dir d", "reel --output r.mp4"),
    ],
)
def test_an_unknown_run_is_not_found_and_similar_ones_are_named(call: Call, recordings: Path, command: str) -> None:
    answer = call(*command.split(), "--recordings", recordings, "--run", "run-b")
    assert (answer.status, answer.out) == (ExitStatus.NOT_FOUND, "")
    assert answer.err.startswith(f"error: there is no run 'run-b' in the catalog; nearest: {RUN}: sqlite")


def test_an_unknown_run_like_no_other_lists_all_runs(call: Call, recordings: Path) -> None:
    assert (
        f"no run 'xyz' in the catalog; it has: {RUN}:" in call("list", "--recordings", recordings, "--run", "xyz").err
    )


@pytest.mark.parametrize("command", ["convert {} new", "cat {}"])
def test_a_missing_file_is_not_found(call: Call, tmp_path: Path, command: str) -> None:
    answer = call(*command.format(tmp_path / "gone.lz4").split())
    assert answer.status == ExitStatus.NOT_FOUND
    assert "gone.lz4" in answer.err


def test_show_prints_the_episode_and_its_recording(call: Call, recordings: Path) -> None:
    document = call("show", 3, "--json", "--recordings", recordings).document
    assert document["episode"]["total_reward"] == 30.0
    assert document["episode"]["n_missing_steps"] == 3
    assert document["recording"]["compressed_size_bytes"] == FILE_BYTES
    text = call("show", 3, "--recordings", recordings).out
    assert text.startswith(f"episode 3 of run {RUN}\n")
    assert "episode_000003.msgpack.lz4" in text
    assert re.search(r"Return +30\n", text)
    assert re.search(r"Kept because +every 100th\n", text)
    assert "_" not in text.replace("episode_000003", "")


def test_show_prints_dates_for_people_and_numbers_in_json(call: Call, tmp_path: Path) -> None:
    times = {"timestamp": 1.75e9, "started_unix_nanos": 1_750_000_000 * 10**9}
    with Catalog(root_catalog(tmp_path)) as catalog:
        rows = [
            EpisodeRow(RUN, 1, **times),
            EpisodeRow(RUN, 2, timestamp=1e300),
            EpisodeRow(RUN, 3, timestamp=math.nan),
        ]
        given: dict[str, Any] = {"new_episodes": rows, "decided": [], "criteria_state": {}, "at": datetime.now(UTC)}
        assert catalog.commit_evaluation(RUN, old_cursor="0-0", new_cursor="1-0", **given)
    text = call("show", 1, "--recordings", tmp_path).out
    assert re.search(r"Time of its end +2025-06-15 15:06:40\n", text)
    assert re.search(r"Started +2025-06-15 15:06:40\n", text)
    assert re.search(r"Finished +0\n", text), "it is unknown"
    assert call("show", 1, "--json", "--recordings", tmp_path).document["episode"]["timestamp"] == 1.75e9
    assert re.search(r"Time of its end +1e\+300\n", call("show", 2, "--recordings", tmp_path).out)
    assert re.search(r"Time of its end +nan\n", call("show", 3, "--recordings", tmp_path).out)


def test_a_very_long_run_id_is_shortened_in_messages(call: Call, recordings: Path) -> None:
    answer = call("list", "--recordings", recordings, "--run", "x" * 5000)
    assert answer.status == ExitStatus.NOT_FOUND
    assert f"there is no run '{'x' * 99} in the catalog" in answer.err


def test_show_says_if_an_episode_was_not_kept(call: Call, recordings: Path) -> None:
    answer = call("show", 30, "--recordings", recordings)
    assert answer.status == ExitStatus.OK
    assert "no recording" in answer.out
    document = call("show", 30, "--json", "--recordings", recordings).document
    assert document["recording"] is None
    assert document["episode"]["total_reward"] is None, "JSON has no NaN"


def test_why_prints_every_criterion_with_value_and_threshold(call: Call, recordings: Path) -> None:
    document = call("why", 30, "--json", "--recordings", recordings).document
    assert document["decision"] == "skipped"
    assert document["criteria"] == WHY
    text = call("why", 30, "--recordings", recordings).out
    assert f"episode 30 of run {RUN} was not kept" in text
    assert "30 is not divisible by 100" in text
    assert "was kept: top 10 %, you: x" in call("why", 2, "--recordings", recordings).out


def test_prune_by_age_deletes_file_and_row_and_keeps_the_episode(call: Call, recordings: Path) -> None:
    answer = call("prune", "--max-age-days", 15, "--json", "--recordings", recordings)
    assert answer.document["n_recordings"] == 2
    assert answer.document["n_bytes"] == 2 * FILE_BYTES
    assert episode_ids(call("list", "--json", "--recordings", recordings)) == [0, 1]
    assert sorted(path.name for path in (recordings / RUN).iterdir()) == [
        "episode_000000.msgpack.lz4",
        "episode_000001.msgpack.lz4",
    ]
    with Catalog(root_catalog(recordings), read_only=True) as catalog:
        assert catalog.get_episode(RUN, 3).decision == "deleted"


def test_why_of_a_pruned_recording_says_why_it_was_kept_and_that_it_was_deleted(call: Call, recordings: Path) -> None:
    call("prune", "--max-age-days", 15, "--recordings", recordings)
    assert call("why", 2, "--recordings", recordings).out.startswith(
        f"episode 2 of run {RUN} was kept and later deleted: top 10 %, you: x\n"
    )
    (recorded,) = call("stats", "--json", "--recordings", recordings).document["recorded_runs"]
    assert [recorded[decision] for decision in ("kept", "held", "skipped", "deleted")] == [2, 0, 1, 2]
    answer = call("cat", 2, "--recordings", recordings)
    assert answer.status == ExitStatus.NOT_FOUND
    assert "episode 2 was kept and later deleted" in answer.err


def test_prune_by_size_deletes_the_oldest(call: Call, recordings: Path) -> None:
    assert call("prune", "--max-bytes", 2 * FILE_BYTES, "--recordings", recordings).status == ExitStatus.OK
    assert episode_ids(call("list", "--json", "--recordings", recordings)) == [0, 1]


def test_prune_dry_run_changes_nothing(call: Call, recordings: Path) -> None:
    answer = call("prune", "--max-bytes", 0, "--dry-run", "--recordings", recordings)
    assert answer.out == f"would delete 4 recordings, {4 * FILE_BYTES / 1024:.1f} KiB\n"
    assert len(episode_ids(call("list", "--json", "--recordings", recordings))) == 4
    assert len(list((recordings / RUN).iterdir())) == 4


def test_prune_takes_its_limits_from_the_configuration(call: Call, recordings: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"recording: {{recordings_dir: '{recordings}', retention: {{max_bytes: {3 * FILE_BYTES}}}}}\n")
    assert call("prune", "--json", "--config", config).document["n_recordings"] == 1


def test_prune_continues_if_a_file_is_already_gone(call: Call, recordings: Path) -> None:
    (recordings / RUN / "episode_000003.msgpack.lz4").unlink()
    assert call("prune", "--max-age-days", 25, "--json", "--recordings", recordings).document["n_recordings"] == 1


@pytest.mark.parametrize("command", ["verify", "doctor"])
def test_what_prune_deletes_meanwhile_is_not_called_missing(
    command: str, call: Call, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_read = Catalog.iterate_recordings if command == "verify" else Catalog.query_recordings

    def prune_behind(catalog: Catalog, *args: Any, **options: Any) -> Any:
        """The rows as they were when another process prunes all files."""
        rows = list(rows_read(catalog, *args, **options))
        with Catalog(root_catalog(recordings)) as other:
            for row in list(other.iterate_oldest_recordings()):
                if row.episode_id != 1:
                    other.delete_recording(row.run_id, row.episode_id)
                    (recordings / row.file_path).unlink()
        return rows

    monkeypatch.setattr(Catalog, rows_read.__name__, prune_behind)
    answer = call(command, "--recordings", recordings)
    assert "episode_000000" not in answer.out
    assert "episode_000001" in answer.out  # that one is there, and no recording


@pytest.mark.parametrize("command", ["verify", "doctor"])
def test_a_row_that_prune_has_yet_to_delete_is_not_called_missing(
    command: str, call: Call, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (recordings / RUN).glob("episode_000000*"):
        file.unlink()

    def prune_its_row(_secs: float) -> None:
        with Catalog(root_catalog(recordings)) as other:
            other.delete_recording(RUN, 0)

    monkeypatch.setattr("recorder.recordings.verify.time.sleep", prune_its_row)
    answer = call(command, "--recordings", recordings)
    assert "episode_000000" not in answer.out
    assert "episode_000001" in answer.out  # that one is there, and no recording


def test_prune_without_any_limit_is_wrong_usage(call: Call, recordings: Path) -> None:
    assert call("prune", "--recordings", recordings).status == ExitStatus.USAGE


@pytest.mark.parametrize("age", ["-1", "0", "nan", "inf", "month"])
def test_prune_refuses_an_age_that_is_not_above_0(call: Call, recordings: Path, age: str) -> None:
    answer = call("prune", f"--max-age-days={age}", "--recordings", recordings)
    assert answer.status == ExitStatus.USAGE
    assert answer.err.startswith(f"error: argument --max-age-days: expected a number above 0, found '{age}'\n")
    assert len(list((recordings / RUN).iterdir())) == 4


def recording(episode_id: int, timestamp: float, n_bytes: int = 10) -> RecordingRow:
    return RecordingRow(run_id="r", episode_id=episode_id, timestamp=timestamp, compressed_size_bytes=n_bytes)


def test_prune_combines_age_and_size() -> None:
    day = 86400.0
    rows = [recording(index, timestamp=index * day) for index in range(5)]

    def chosen(max_age_days: float | None, max_bytes: int | None) -> list[int]:
        victims = choose_victims(rows, n_bytes=50, now=5 * day, max_age_days=max_age_days, max_bytes=max_bytes)
        return [row.episode_id for row in victims]

    assert chosen(None, 50) == []
    assert chosen(None, 49) == [0]
    assert chosen(None, 0) == [0, 1, 2, 3, 4]
    assert chosen(3.0, None) == [0, 1], "3 days old is not older than 3 days"
    assert chosen(3.0, 25) == [0, 1, 2]
    assert chosen(4.5, 100) == [0]


@pytest.mark.parametrize("place", range(4))
def test_a_recording_without_a_time_counts_as_new(place: int) -> None:
    day = 86400.0
    times = [1 * day, 2 * day, 100 * day]
    times.insert(place, math.nan)
    catalog = Catalog(":memory:")
    catalog.upsert_recordings([recording(index, timestamp=time) for index, time in enumerate(times)])

    def chosen(max_age_days: float | None, max_bytes: int | None) -> list[float]:
        oldest_first = catalog.iterate_oldest_recordings(page_size=1)
        victims = choose_victims(
            oldest_first, n_bytes=40, now=100 * day, max_age_days=max_age_days, max_bytes=max_bytes
        )
        return [row.timestamp / day for row in victims]

    assert chosen(30.0, None) == [1, 2]
    assert chosen(None, 10) == [1, 2, 100]
    assert catalog.recordings_size() == (4, 40)
    catalog.close()
