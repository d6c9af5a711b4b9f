"""The program that measures, not what it measures: every key has its function, the design it compares with works."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.baseline import BaselineRecorder, BaselineWriter, load_episode, metadata_of, query_count
from benchmarks.registry import FIGURES
from benchmarks.steps import LAYOUT, record_steps, step_values
from benchmarks.table import rows_of, verdict

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

KEYS = [
    *["record_step_us", "steps_per_s", "batch_steps_per_s", "lost_steps", "file_bytes", "load_ms"],
    *["train_overhead_pct", "evaluate_per_s", "trainer_rss_mb", "redis_peak_bytes"],
    *["viewers_json", "viewers_binary", "open_ms", "seek_ms", "page_fps", "list_ms", "server_rss_mb"],
    *["draw_ms", "export_vs_encode", "export_vs_baseline", "segments_speedup", "render_rss_mb"],
]


def test_every_figure_of_the_project_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert listed >= set(KEYS)


@pytest.mark.parametrize("key", FIGURES)
def test_every_figure_is_measured_by_a_function(key: str) -> None:
    module, _, name = FIGURES[key].measure.partition(":")
    tree = ast.parse((BENCHMARKS / f"{module}.py").read_text())
    assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("key", FIGURES)
def test_every_figure_is_explained_in_the_readme(key: str) -> None:
    assert f"`{key}`" in (BENCHMARKS / "README.md").read_text()


def test_an_unknown_key_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["file_byte"])
    assert ended.value.code == 2
    assert "'file_byte'" in capsys.readouterr().err


def test_the_steps_are_the_same_every_time() -> None:
    for first, second in zip(step_values(), step_values(), strict=True):
        assert all(_plain(one) == _plain(other) for one, other in zip(first, second, strict=True))


def test_the_baseline_reads_back_what_it_recorded(tmp_path: Path) -> None:
    recorder, values = BaselineRecorder(on_full="block"), step_values()
    with BaselineWriter(recorder, tmp_path / "index.db", tmp_path / "recordings"):
        record_steps(recorder.record_step, 7, values)
        recorder.finish_episode(7, metadata_of(7, len(values), LAYOUT))
    metadata, steps = load_episode(tmp_path / "recordings" / "episode_000007.msgpack.lz4")
    assert (metadata.episode_id, metadata.survival_steps, query_count(tmp_path / "index.db")) == (7, 500, 1)
    assert len(steps) == len(values)
    for step, value in zip(steps, values, strict=True):
        assert [getattr(step, name) for name in value._fields] == [_plain(number) for number in value]


def test_the_baseline_counts_the_steps_that_a_full_queue_drops() -> None:
    recorder = BaselineRecorder(queue_maxsize=10)
    record_steps(recorder.record_step, 7, step_values(25))
    assert recorder.n_lost == {7: 15}


def test_a_quick_run_gives_a_flat_object_of_numbers_and_says_that_it_was_quick(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    assert main(["--quick", "--json", str(file), "file_bytes", "load_ms"]) == 0
    numbers = json.loads(file.read_text())
    assert {"file_bytes", "baseline_file_bytes", "load_ms", "baseline_load_ms"} <= set(numbers)
    assert all(isinstance(number, int | float) for number in numbers.values())
    assert numbers["quick"] == 1
    output = capsys.readouterr().out
    assert "--quick" in output
    assert "file_bytes" in output


def test_a_failing_measurement_is_named_and_the_others_continue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(FIGURES, "load_ms", replace(FIGURES["load_ms"], measure="episode_file:no_such_function"))
    assert main(["--quick", "file_bytes", "load_ms"]) == 1
    printed = capsys.readouterr()
    assert "failed: episode_file:no_such_function" in printed.err
    assert "yes: figure" in printed.out


@pytest.mark.parametrize(
    ("value", "theirs", "expected"),
    [
        (3.0, 100.0, "yes: figure and ratio"),
        (3.0, 5.0, "yes: figure"),
        (9.0, 100.0, "yes: ratio"),
        (9.0, 50.0, "no"),
        (9.0, None, "no"),
        (None, 50.0, "not measured"),
    ],
)
def test_a_target_is_met_by_the_figure_or_by_its_ratio_to_the_baseline(
    value: float | None, theirs: float | None, expected: str
) -> None:
    assert verdict(FIGURES["record_step_us"], value, theirs) == expected


def test_a_rates_target_is_a_minimum() -> None:
    assert verdict(FIGURES["evaluate_per_s"], 6_000, None) == "yes: figure"
    assert verdict(FIGURES["evaluate_per_s"], 4_000, None) == "no"


def test_secondary_figures_have_rows() -> None:
    rows = rows_of(
        [FIGURES["lost_steps"]], {"lost_steps": 0, "baseline_lost_steps": 12, "baseline_lost_steps_pct": 3.5}
    )
    assert [row[0] for row in rows] == ["lost_steps", "baseline_lost_steps_pct"]


def _plain(value: object) -> object:
    return tuple(plain) if isinstance(plain := getattr(value, "tolist", lambda: value)(), list) else plain
