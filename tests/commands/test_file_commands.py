"""``cat``, ``verify``, ``convert`` and ``reindex`` on real recordings."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorder import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.episode_file import open_episode
from recorder.recordings.reindex import reindex
from recorder.storage import LocalStorage, episode_path
from tests.command_line import Call
from tests.commands.conftest import root_catalog
from tests.episodes import make_episode_file
from worker import RecordingWriter

RUN = "run/ü"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a trainer and the writer leave: three episodes of two runs; episode 1 lost its steps 10 to 19."""
    root = tmp_path_factory.mktemp("recorded") / "recordings"
    root_catalog(root)
    for run_id, episode_ids in ((RUN, (0, 1)), ("other", (2,))):
        recorder = EpisodeRecorder(run_id=run_id, strict=True)
        with RecordingWriter(recorder, root_catalog(root), root, criteria={"periodic": {"interval": 1}}):
            for episode_id in episode_ids:
                record(recorder, episode_id)
    return root


@pytest.fixture
def root(recorded: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return shutil.copytree(recorded, tmp_path / "recordings")


def record(recorder: EpisodeRecorder, episode_id: int) -> None:
    """An episode of 30 steps."""
    for step in range(30):
        if episode_id == 1 and 10 <= step < 20:
            continue
        meters = np.linspace(0, 1, 8, dtype=np.float32) * step
        recorder.record_step(episode_id, step, (step % 8, 3), meters, step % 6, 1.0, 0.5, step == 29)
    if episode_id == 0:
        recorder.keep(0, "x")
    recorder.finish_episode(episode_id, {"curriculum_stage": 2})


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def place(root: Path, run_id: str, episode_id: int) -> Path:
    return root / episode_path(run_id, episode_id)


def damage(path: Path, at: float) -> None:
    """Flip a byte somewhere in a file."""
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 0x55
    path.write_bytes(data)


def torn_file(folder: Path) -> Path:
    """A recording of 300 steps that ends within its second chunk."""
    recorder = EpisodeRecorder(run_id="torn", strict=True)
    with RecordingWriter(recorder, folder / "torn.db", folder, criteria={"periodic": {"interval": 1}}):
        for step in range(300):
            recorder.record_step(0, step, (step % 8, 3), [0.5] * 8, 1, 1.0, done=step == 299)
        recorder.finish_episode(0)
    path = place(folder, "torn", 0)
    end = open_episode(path).chunks[1].offset + 10
    path.write_bytes(path.read_bytes()[:end])
    return path


def test_cat_prints_one_line_for_each_step(call: Call, root: Path) -> None:
    path = place(root, RUN, 0)
    answer = call("cat", path)
    steps = lines(answer.out)
    assert answer.status == ExitStatus.OK
    assert [step["step"] for step in steps] == list(range(30))
    episode = open_episode(path)
    for step, expected in zip(steps, episode.steps(), strict=True):
        assert (tuple(step["position"]), step["action"], step["done"]) == (
            expected.position,
            expected.action,
            expected.done,
        )
        assert tuple(step["meters"]) == pytest.approx(expected.meters)


def test_cat_finds_an_episode_by_its_id(call: Call, root: Path) -> None:
    assert len(lines(call("cat", 2, "--recordings", root).out)) == 30
    assert call("cat", 2, "--recordings", root, "--run", RUN).status == ExitStatus.NOT_FOUND


def test_cat_selects_steps_and_fields(call: Call, root: Path) -> None:
    answer = call("cat", 1, "--recordings", root, "--from", 8, "--to", 22, "--fields", "reward,action")
    steps = lines(answer.out)
    assert [step["step"] for step in steps] == [8, 9, 20, 21], "steps 10 to 19 were lost"
    assert {tuple(step) for step in steps} == {("step", "reward", "action")}


def test_cat_of_very_many_steps_says_so_first(call: Call, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.commands.cat._MANY_STEPS", 2)
    answer = call("cat", 2, "--recordings", root)
    assert "warning: prints 30 steps; choose a range with --from and --to" in " ".join(answer.err.split())
    assert len(lines(answer.out)) == 30
    assert call("cat", 2, "--recordings", root, "--from", 0, "--to", 2).err == ""


def test_cat_of_an_unknown_field_lists_the_known_ones(call: Call, root: Path) -> None:
    answer = call("cat", place(root, RUN, 0), "--fields", "speed")
    assert answer.status == ExitStatus.USAGE
    assert "unknown field 'speed'; the episode has: position, meters" in answer.err


def test_cat_as_json_is_one_document_and_nan_is_null(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "e.msgpack"
    columns = {"reward": np.array([np.nan, 1.0]), "extras.speed": np.array([np.inf, 2.0])}
    path.write_bytes(make_episode_file(n_steps=2, columns=columns, compression="none"))
    document = call("cat", path, "--json", "--fields", "reward,extras.speed").document
    assert document == [
        {"step": 0, "reward": None, "extras.speed": None},
        {"step": 1, "reward": 1.0, "extras.speed": 2.0},
    ]


def test_cat_of_a_damaged_recording_names_the_file(call: Call, root: Path) -> None:
    damage(place(root, RUN, 0), 0.5)
    for source in (0, place(root, RUN, 0)):
        answer = call("cat", source, "--recordings", root)
        assert answer.status == ExitStatus.FAILED
        assert "LZ4 frame" in answer.err
        assert answer.err.endswith(f"{place(root, RUN, 0)}\n")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_cat_of_a_torn_recording_prints_its_steps_and_says_so(call: Call, tmp_path: Path, options: list[str]) -> None:
    path = torn_file(tmp_path)
    answer = call("cat", path, *options)
    assert answer.status == ExitStatus.OK
    assert len(answer.document if options else lines(answer.out)) == 256
    assert answer.err == f"warning: the recording is torn: the file ends before step 256: {path}\n"


def test_convert_of_a_torn_recording_says_so_and_the_new_file_has_a_gap(call: Call, tmp_path: Path) -> None:
    torn = torn_file(tmp_path)
    for version in (1, 2):
        answer = call("convert", "--to", version, torn, tmp_path / "new")
        assert answer.status == ExitStatus.OK
        assert "note: the file is torn; the new file also ends before step 256\n" in answer.out
        assert [gap.first_step for gap in open_episode(tmp_path / "new").gaps] == [256]


def test_verify_accepts_sound_recordings_and_counts_gaps(call: Call, root: Path) -> None:
    answer = call("verify", "--recordings", root)
    assert answer.status == ExitStatus.OK
    assert "verified 3 recordings" in answer.out
    assert "3 OK, 0 damaged or missing, 1 with gaps" in answer.out
    document = call("verify", "--recordings", root, "--run", "other", "--json").document
    assert [file["episode_id"] for file in document["files"]] == [2]
    assert document["files"][0]["content_hash"] == open_episode(place(root, "other", 2)).content_hash


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_verify_names_the_damaged_file(call: Call, root: Path, at: float) -> None:
    damage(place(root, RUN, 0), at)
    answer = call("verify", "--recordings", root, "--json")
    assert answer.status == ExitStatus.FAILED
    assert (answer.document["n_files"], answer.document["n_broken"]) == (3, 1)
    broken = [file for file in answer.document["files"] if not file["sound"]]
    assert [file["file"] for file in broken] == [episode_path(RUN, 0)]
    assert broken[0]["problems"]


def test_verify_by_path_needs_no_catalog_and_names_torn_and_missing_files(
    call: Call, root: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.msgpack.lz4"
    torn.write_bytes(place(root, RUN, 1).read_bytes()[:-300])
    answer = call("verify", place(root, RUN, 0), torn, tmp_path / "gone.lz4")
    assert answer.status == ExitStatus.FAILED
    assert "2 of 3 recordings are damaged or missing" in answer.out
    assert "torn: the file ends before step " in answer.out
    assert "no such recording" in answer.out


def test_verify_compares_a_file_with_its_row(call: Call, root: Path) -> None:
    place(root, RUN, 0).write_bytes(place(root, "other", 2).read_bytes())
    answer = call("verify", "--recordings", root, "--json")
    (broken,) = [file for file in answer.document["files"] if not file["sound"]]
    assert [problem.split(":")[0] for problem in broken["problems"]] == ["run", "episode", "bytes", "hash"]


@pytest.mark.parametrize("compression", ["lz4", "none"])
@pytest.mark.parametrize("version", [1, 2])
def test_convert_keeps_every_value(call: Call, root: Path, tmp_path: Path, version: int, compression: str) -> None:
    source, first, second = place(root, RUN, 1), tmp_path / "first", tmp_path / "second"
    answer = call("convert", "--to", version, "--compression", compression, source, first, "--json")
    assert answer.status == ExitStatus.OK
    assert call("convert", "--to", 2, first, second).status == ExitStatus.OK
    original, converted, back = open_episode(source), open_episode(first), open_episode(second)
    assert (converted.version, converted.compression) == (version, compression)
    assert original.metadata == converted.metadata == back.metadata
    assert original.reasons == converted.reasons == back.reasons
    for name, values in original.columns().items():
        for episode in (converted, back):
            np.testing.assert_array_equal(episode.column(name), values)
        assert (back.column(name).dtype == values.dtype) == (version == 2 or values.dtype.str in ("|b1", "<i8", "<f8"))
    if version == 2:
        assert second.read_bytes() == source.read_bytes()
        assert answer.document["losses"] == []
    else:
        assert "meters (<f4)" in answer.document["losses"][0]


def test_convert_in_place_keeps_the_name_and_reindex_brings_the_row_up_to_date(call: Call, root: Path) -> None:
    path = place(root, RUN, 0)
    answer = call("convert", "--to", 1, "--in-place", path)
    assert "note: version 1 keeps values but not dtypes" in answer.out
    assert open_episode(path).version == 1
    assert call("verify", "--recordings", root).status == ExitStatus.FAILED
    assert call("reindex", "--recordings", root).status == ExitStatus.OK
    assert call("verify", "--recordings", root).status == ExitStatus.OK


def test_convert_of_a_broken_file_writes_nothing(call: Call, root: Path, tmp_path: Path) -> None:
    damage(place(root, RUN, 0), 0.5)
    answer = call("convert", place(root, RUN, 0), tmp_path / "new")
    assert answer.status == ExitStatus.FAILED
    assert str(place(root, RUN, 0)) in answer.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments", [["a"], ["a", "b", "--in-place"]])
def test_convert_needs_a_destination_or_in_place(call: Call, arguments: list[str]) -> None:
    answer = call("convert", *arguments)
    assert answer.status == ExitStatus.USAGE
    assert "--in-place" in answer.err


@pytest.mark.parametrize("folder", ["/proc/nope", "local:///proc/nope", "nowhere", "file"])
def test_convert_into_an_impossible_folder_is_an_error_of_one_line(
    call: Call, root: Path, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone" / "folder")
    (tmp_path / "file").write_bytes(b"")
    answer = call("convert", place(root, RUN, 0), f"{folder}/new")
    assert (answer.status, answer.out) == (ExitStatus.FAILED, "")
    (line,) = answer.err.splitlines()
    assert line.startswith("error: can't write ")
    assert folder in line


def rows(root: Path) -> list[dict[str, Any]]:
    """All recordings with all their reasons, but for when the row was written."""
    with Catalog(root_catalog(root), read_only=True) as catalog:
        found = [dataclasses.asdict(row) for row in catalog.iterate_recordings()]
    return [{key: value for key, value in row.items() if key != "recorded_at"} for row in found]


def test_reindex_restores_a_lost_catalog_from_the_files(call: Call, root: Path) -> None:
    before = rows(root)
    for path in root.glob("catalog.db*"):
        path.unlink()
    answer = call("reindex", "--recordings", root)
    assert answer.status == ExitStatus.OK
    assert "3 files: 3 recordings in the catalog" in answer.out
    assert rows(root) == before
    with Catalog(root_catalog(root)) as catalog:
        assert [row["episode_id"] for row in catalog.query_recordings(reason="manual_*")] == [0]
        episode = catalog.get_episode(RUN, 1)
        assert (episode.decision, episode.n_missing_steps, episode.written_at is not None) == ("kept", 10, True)


def test_reindexing_twice_changes_nothing(call: Call, root: Path) -> None:
    call("reindex", "--recordings", root)
    before = rows(root)
    call("reindex", "--recordings", root)
    assert rows(root) == before


def test_reindex_names_files_it_cannot_read_and_rows_without_a_file(call: Call, root: Path) -> None:
    place(root, RUN, 0).write_bytes(b"nothing")
    place(root, RUN, 1).unlink()
    answer = call("reindex", "--recordings", root, "--json")
    assert answer.status == ExitStatus.FAILED
    assert list(answer.document["unreadable"]) == [episode_path(RUN, 0)]
    assert answer.document["missing"] == [episode_path(RUN, 1)]
    assert (answer.document["n_files"], answer.document["n_imported"]) == (2, 1)


def test_missing_recordings_are_named_and_removed_from_the_catalog_on_request(call: Call, root: Path) -> None:
    place(root, RUN, 1).unlink()
    reader = call("cat", 1, "--recordings", root)
    assert reader.status == ExitStatus.NOT_FOUND
    assert "'hamlet-recorder reindex' lists such recordings, and with --forget-missing" in reader.err
    answer = call("reindex", "--recordings", root)
    assert answer.status == ExitStatus.FAILED
    assert "1 recording in the catalog without a file: remove them with --forget-missing" in answer.out
    assert len(rows(root)) == 3
    answer = call("reindex", "--recordings", root, "--forget-missing", "--json")
    assert (answer.status, answer.document["missing"]) == (ExitStatus.OK, [episode_path(RUN, 1)])
    assert call("verify", "--recordings", root).status == ExitStatus.OK
    assert f"of run {RUN} was kept and later deleted: every episode\n" in call("why", 1, "--recordings", root).out
    call("reindex", "--recordings", root)
    assert len(rows(root)) == 2


@pytest.mark.parametrize("is_there", [True, False], ids=["empty", "gone"])
def test_an_empty_folder_forgets_no_recording(call: Call, root: Path, tmp_path: Path, is_there: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    if is_there:
        elsewhere.mkdir()
    places = ["--database", root_catalog(root), "--recordings", elsewhere]
    answer = call("reindex", *places)
    assert answer.status == ExitStatus.FAILED
    assert (
        f"3 recordings in the catalog without a file: no recording file found; is the folder mounted? {elsewhere}"
        in answer.out
    )
    for selection in ([], ["--run", RUN]):
        answer = call("reindex", *places, "--forget-missing", *selection)
        assert answer.status == ExitStatus.FAILED
        assert "none was removed" in answer.err
        assert answer.err.endswith(f"add --allow-empty if the files are gone for good: {elsewhere}\n")
    assert len(rows(root)) == 3
    assert call("reindex", *places, "--allow-empty").status == ExitStatus.USAGE
    answer = call("reindex", *places, "--forget-missing", "--allow-empty")
    assert answer.status == ExitStatus.OK
    assert rows(root) == []


def test_a_run_without_files_is_forgotten_if_others_have_files(call: Call, root: Path) -> None:
    for episode_id in (0, 1):
        place(root, RUN, episode_id).unlink()
    assert call("reindex", "--recordings", root, "--run", RUN, "--forget-missing").status == ExitStatus.OK
    assert len(rows(root)) == 1


def test_a_recording_written_after_the_listing_is_not_missing(root: Path) -> None:
    with Catalog(root_catalog(root)) as catalog:
        report = reindex(LocalStorage(root), catalog, [], forget_missing=True)
    assert report.missing == []
    assert len(rows(root)) == 3


def test_reindex_of_one_run_ignores_other_runs(call: Call, root: Path) -> None:
    assert call("reindex", "--recordings", root, "--run", RUN, "--json").document["n_files"] == 2


def test_reindex_keeps_the_later_play_of_an_episode(call: Call, root: Path) -> None:
    later = make_episode_file(run_id="other", episode_id=2, n_steps=7, started_unix_nanos=2**62)
    name = episode_path("other", 2, replaced_plays=1)
    LocalStorage(root).write_all({name: later})
    document = call("reindex", "--recordings", root, "--run", "other", "--json").document
    assert document["replaced"] == [episode_path("other", 2)]
    assert [(row["file_path"], row["n_steps"]) for row in rows(root) if row["run_id"] == "other"] == [(name, 7)]
