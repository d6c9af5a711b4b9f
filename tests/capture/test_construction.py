"""A recorder that can't work is not made."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.capture.options import arguments_from_settings
from recorder.errors import RecorderError, UsageError
from recorder.settings import CaptureSettings, load_settings
from recorder.step_stream import MemoryStepStream, RedisStepStream
from tests.capture.recorded import finished_episodes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queue_maxsize": 0}, "queue_maxsize: expected a whole number of blocks, at least 1, found 0"),
        ({"queue_maxsize": -5}, "queue_maxsize"),
        ({"queue_maxsize": 1.5}, "queue_maxsize"),
        ({"queue_maxsize": True}, "queue_maxsize"),
        ({"queue_maxsize": "1000"}, "queue_maxsize"),
        ({"black_box_bytes": 1000}, "black_box_bytes: expected a whole number from 1048576 to"),
        ({"black_box_bytes": 64e6}, "black_box_bytes"),
        ({"sender": "fork"}, "sender: expected 'process' or 'thread', found 'fork'"),
        ({"on_full": "wait"}, "on_full: expected 'drop', 'block' or 'sample', found 'wait'"),
        ({"run_id": ""}, "run_id: expected a text that is not empty"),
        ({"run_id": 5}, "run_id"),
        ({"run_id": "a\0b"}, "run_id"),
        ({"run_id": "\ud800"}, "run_id"),
        ({"meter_names": "energy"}, "meter_names: expected a list of names"),
        ({"meter_names": 5}, "meter_names"),
        ({"action_names": "up"}, "action_names"),
        ({"grid_size": "8x8"}, "grid_size"),
        ({"grid_size": 8.5}, "grid_size"),
        ({"substrate": "grid"}, "substrate"),
        ({"affordance_layout": {"Bed": 5}}, "affordance_layout"),
        ({"affordance_layout": 5}, "affordance_layout"),
        ({"stream": "unix:///nobody", "affordance_layout": {"Bed": (None, None)}}, "affordance_layout"),
        ({"stream": "unix:///nobody", "affordance_layout": {"Bed": "kitchen"}}, "affordance_layout"),
        ({"config": [1, 2]}, "config: expected a map"),
        ({"config": {"model": ...}}, "config: model: expected numbers, texts, lists or maps, found ellipsis"),
        ({"config": {"seed": 2j}}, "config: seed"),
        ({"config": {"caf\udce9": 1}}, "config: caf"),
        ({"stream": 5}, "stream"),
        ({"stream": "localhost:6379"}, "expected a URL that begins with"),
        ({"stream": "http://localhost"}, "expected a URL that begins with"),
        ({"limits": {"heartbeat_secs": 1}}, "limits: expected PublisherLimits"),
    ],
    ids=ascii,
)
def test_a_wrong_argument_raises_at_once_and_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecorderError) as caught:
        EpisodeRecorder(**options)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", [name for name in PublisherLimits.__dataclass_fields__ if name != "spool_bytes"])
@pytest.mark.parametrize("value", [0, -1, "1", None, True, float("nan")])
def test_a_limit_is_a_number_above_zero(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"^{name}: expected a number above 0"):
        PublisherLimits(**{name: value})


def test_numbers_of_numpy_and_paths_as_texts_may_stand_in_a_config() -> None:
    config = {
        "lr": np.float32(0.5),
        "layers": (64, np.int64(32)),
        "paths": [str(Path("a"))],
        "nested": {"flag": np.bool_(True)},
    }
    recorder = EpisodeRecorder(run_id="r", config=config, strict=True)
    recorder.close()
    info = recorder.stream.run_info("r").info
    assert json.loads(json.dumps(info["config"])) == {
        "lr": 0.5, "layers": [64, 32], "paths": ["a"], "nested": {"flag": True}
    }  # fmt: skip


def test_run_ids_that_are_made_up_differ() -> None:
    recorders = [EpisodeRecorder() for _ in range(20)]
    assert len({recorder.run_id for recorder in recorders}) == 20
    for recorder in recorders:
        recorder.close()


@pytest.mark.parametrize("run_id", ["../x", "{}", "läuft", "a b", "%", "x" * 1000, "a\nb"])
def test_a_run_id_may_be_any_text(run_id: str) -> None:
    with EpisodeRecorder(run_id=run_id, strict=True) as recorder:
        recorder.record_step(1, 0, (1,), (1,), 0, 1.0)
    assert recorder.stream.runs()[0][0] == run_id


def test_a_server_that_is_not_there_stops_no_construction(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(f"unix://{tmp_path / 'nobody'}")
    assert recorder.stream.is_remote
    assert not recorder.close(timeout_secs=0.1)


def test_a_stream_that_is_given_is_used_and_not_closed() -> None:
    stream = MemoryStepStream()
    with EpisodeRecorder(stream, run_id="r") as recorder:
        assert recorder.stream is stream
    assert [run_id for run_id, _ in stream.runs()] == ["r"]


def test_the_configuration_makes_a_recorder(redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        f"""
recording:
  run_id: settled
  redis: {{url: "{redis_url}", key_prefix: "other:"}}
  capture: {{sender: thread, queue_maxsize: 2, on_full: block, flush_interval_secs: 30, heartbeat_secs: 7}}
"""
    )
    with EpisodeRecorder.from_settings(load_settings(file, env={}), meter_names=["energy"]) as recorder:
        assert recorder.sender_pid is None
        for step in range(1000):
            recorder.record_step(7, step, (1, 2), [0.5], 0, 1.0)
        recorder.finish_episode(7)
    assert recorder.stats().n_dropped_steps == 0, "a queue of 128 steps made the trainer wait"
    stream = RedisStepStream(redis_url, key_prefix="other:")
    with contextlib.closing(stream):
        ended = finished_episodes(stream, "settled")[7]
    assert ended.episode.n_steps == 1000
    assert list(ended.metadata.meter_names) == ["energy"]


def test_arguments_outweigh_the_configuration() -> None:
    settings = load_settings(env={}, overrides={"run_id": "settled", "capture": {"on_full": "block"}})
    with EpisodeRecorder.from_settings(settings, run_id="given") as recorder:
        assert recorder.run_id == "given"
        assert isinstance(recorder.stream, MemoryStepStream), "no server is named"


def test_every_setting_of_the_capture_reaches_the_recorder() -> None:
    changed: dict[str, Any] = dict.fromkeys(PublisherLimits.__dataclass_fields__, 7)
    changed |= {"max_pending_bytes": 2**21, "max_server_memory_bytes": 2**22, "server_memory_fraction": 0.5}
    changed |= {"queue_maxsize": 77, "on_full": "block", "sender": "thread"}
    changed |= {"black_box_bytes": 2**21, "black_box_dir": "/somewhere"}
    assert set(changed) == set(CaptureSettings.model_fields)
    found = arguments_from_settings(load_settings(env={}, overrides={"capture": changed}), finds_server=False)
    limits = {name: changed.pop(name) for name in PublisherLimits.__dataclass_fields__}
    assert found["limits"] == PublisherLimits(**limits)
    assert {name: found[name] for name in changed} == changed | {"black_box_dir": Path("/somewhere")}
