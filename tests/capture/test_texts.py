"""Texts from the trainer to the file: whole where they fit, cut and cleaned and counted where they don't."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from recorder.capture import EpisodeRecorder
from recorder.episode_file import build_version2, open_episode
from recorder.recordings.convert import convert_bytes
from recorder.recordings.steps import blocks_of, step_maps
from recorder.recordings.verify import verify_bytes
from recorder.schema import MAX_TEXT_BYTES, Encoding
from tests.capture.recorded import STEP, Ended, close_and_read, record_one

MISSIONS = (
    ["go to the red ball"] * 200 + [f"öffne die Tür {step} <b>" for step in range(80)] + ["ü" * 3000, "", "x" * 40]
)


def missions_of(*missions: str | None) -> Ended:
    return record_one(*({"extras": {} if mission is None else {"mission": mission}} for mission in missions))


def test_texts_of_single_steps_batches_and_rollouts_come_back() -> None:
    recorder = EpisodeRecorder(strict=True)
    nothing = np.zeros((2, 0), np.float32)
    for step, mission in enumerate(MISSIONS):
        recorder.record_step(7, step, **STEP, extras={"mission": mission, "n": step})
        for first, both in (
            (0, (mission, "other")),
            (2, np.array(["other", mission])),
            (4, np.array([None, mission], object)),
        ):
            steps = np.full(2, step)
            lanes = first + np.arange(2)
            recorder.record_batch(
                lanes, steps, nothing, nothing, steps, 1.0 * steps, lanes=lanes, extras={"mission": both}
            )
    for episode_id in range(6):
        recorder.finish_episode(episode_id)
    recorder.finish_episode(7)
    ended = close_and_read(recorder)
    others = {1: "other", 2: "other", 4: ""}
    for episode_id in (7, *range(6)):
        episode = ended[episode_id].episode
        expected = [others.get(episode_id, mission) for mission in MISSIONS]
        spec = next(spec for spec in episode.schema.columns if spec.name == "extras.mission")
        assert spec.encoding is Encoding.TEXT
        assert episode.column("extras.mission").tolist() == expected
        assert [step.extras["mission"] for step in episode.steps()] == expected
    assert recorder.stats().n_changed_texts == 0


def test_a_rollout_of_texts_is_recorded() -> None:
    recorder = EpisodeRecorder(strict=True)
    ends = np.zeros((5, 2), bool)
    ends[4] = True
    texts = [[f"step {step} lane {lane}" for lane in range(2)] for step in range(5)]
    nothing = np.zeros((5, 2, 0), np.float32)
    recorder.record_rollout(
        nothing, nothing, np.zeros((5, 2)), np.ones((5, 2)), terminated=ends, extras={"reply": texts}
    )
    ended = close_and_read(recorder)
    assert sorted(tuple(each.episode.column("extras.reply")) for each in ended.values()) == [
        tuple(f"step {step} lane {lane}" for step in range(5)) for lane in range(2)
    ]


def test_ten_megabytes_are_cut_and_lone_surrogates_replaced_and_both_counted_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = EpisodeRecorder(strict=True)
    given = ["a" * 10_000_000, "ü" * 10_000_000, "\ud800 <script> \0", "sound", None]
    with caplog.at_level(logging.ERROR):
        for step, mission in enumerate(given):
            extras = {} if mission is None else {"mission": mission}
            recorder.record_step(0, step, **STEP, extras=extras)
        recorder.record_batch([1], [0], np.zeros((1, 0)), np.zeros((1, 0)), [0], [0.0], extras={"mission": ["\udfff"]})
        recorder.finish_episode(0)
        recorder.finish_episode(1)
    ended = close_and_read(recorder)
    episode = ended[0].episode
    cut = MAX_TEXT_BYTES
    assert episode.column("extras.mission").tolist() == [
        "a" * cut,
        "ü" * (cut // 2),
        "\ufffd <script> \ufffd",
        "sound",
        "",
    ]
    assert episode.present("extras.mission").tolist() == [True, True, True, True, False]
    assert ended[0].gaps == []
    assert ended[1].episode.column("extras.mission").tolist() == ["\ufffd"]
    stats = recorder.stats()
    assert (stats.n_changed_texts, stats.n_errors) == (4, 0)
    assert sum("n_changed_texts" in message for message in caplog.messages) == 1


def test_a_column_may_hold_a_text_and_then_numbers() -> None:
    ended = record_one(*({"extras": {"it": value}} for value in ("text", 3, "text", np.uint8(7), [1.0, 2.0], "text")))
    assert [step.extras["it"] if index != 4 else list(step.extras["it"]) for index, step in enumerate(ended.episode.steps())] == [
        "text", 3, "text", 7, [1.0, 2.0], "text",
    ]  # fmt: skip
    assert ended.gaps == []


@pytest.mark.parametrize("value", [["a", "b"], np.array(["a", "b"]), b"bytes", {"a": 1}])
def test_what_is_no_text_is_refused_and_the_rest_of_its_step_recorded(value: object) -> None:
    recorder = EpisodeRecorder()
    recorder.record_step(0, 0, **STEP, extras={"it": value, "other": "text"})
    recorder.finish_episode(0)
    episode = close_and_read(recorder)[0].episode
    assert episode.names == (*(name for name in episode.names if name != "extras.it"),)
    assert episode.column("extras.other").tolist() == ["text"]
    assert recorder.stats().n_mismatched_values == 1


def test_chunks_of_long_texts_are_bounded() -> None:
    recorder = EpisodeRecorder(strict=True)
    rng = np.random.default_rng(0)
    texts = [rng.bytes(100_000).hex() for _ in range(12)]
    for step, text in enumerate(texts):
        recorder.record_step(0, step, **STEP, extras={"mission": text})
    recorder.finish_episode(0)
    episode = close_and_read(recorder)[0].episode
    assert episode.column("extras.mission").tolist() == texts
    assert max(chunk.n_steps for chunk in episode.chunks) <= 4


def test_a_recording_with_texts_is_verified_converted_and_written_as_json() -> None:
    missions = ["go", "go", "<i>ü</i>", *["long " * 5000] * 3]
    episode = missions_of(*missions, None).episode
    data, _, _ = build_version2(
        metadata=episode.metadata, reasons=("r",), schema=episode.schema,
        chunks=[(ref.first_step, ref.n_steps, episode.chunk_bytes(index)) for index, ref in enumerate(episode.chunks)],
    )  # fmt: skip
    assert verify_bytes(data, "file").problems == ()
    old = convert_bytes(data, version=1)
    assert not any("mission" in loss for loss in old.losses)
    again = open_episode(convert_bytes(old.data, version=2).data)
    for read in (open_episode(data), open_episode(old.data), again):
        read.check()
        assert read.column("extras.mission").tolist() == [*missions, ""]
        assert read.present("extras.mission").tolist() == [True] * len(missions) + [False]
        maps = step_maps(read, 0, read.n_steps)
        assert [json.loads(json.dumps(step)).get("extras", {}).get("mission") for step in maps] == [*missions, None]
    assert len(list(blocks_of(episode, 0, episode.n_steps))) > 1, "long texts are not all written at once"
