"""The steps, metadata and files of the original protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lz4.frame
import msgpack
import pytest

from recorder import EpisodeMetadata, RecordedStep, open_episode
from recorder.episode_file import build_version1

METERS = (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


def original_metadata() -> EpisodeMetadata:
    """All fields, in the order of the constructor."""
    return EpisodeMetadata(
        500, 100, 250.0, 200.0, 50.0, 2, 0.1, 0.5, 1700000000.0, {"Bed": (2, 3), "Job": (5, 6)}, {"Bed": 4, "Job": 1}
    )


def original_file() -> dict[str, Any]:
    """The structure under 'Recording File Format', with the fields of section 1."""
    return {
        "version": 1,
        "metadata": {
            "episode_id": 500,
            "survival_steps": 100,
            "total_reward": 250.0,
            "extrinsic_reward": 200.0,
            "intrinsic_reward": 50.0,
            "curriculum_stage": 2,
            "epsilon": 0.1,
            "intrinsic_weight": 0.5,
            "timestamp": 1700000000.0,
            "affordance_layout": {"Bed": [2, 3], "Job": [5, 6]},
            "affordance_visits": {"Bed": 4, "Job": 1},
        },
        "steps": [
            {
                "step": 0,
                "position": [3, 4],
                "meters": list(METERS),
                "action": 2,
                "reward": 1.0,
                "intrinsic_reward": 0.5,
                "done": False,
                "q_values": [0.1, 0.2, 0.3],
                "time_of_day": 12,
                "interaction_progress": 0.5,
            },
            {
                "step": 1,
                "position": [3, 5],
                "meters": list(METERS),
                "action": 0,
                "reward": -1.0,
                "intrinsic_reward": 0.25,
                "done": True,
                "q_values": None,
                "time_of_day": None,
                "interaction_progress": None,
            },
        ],
        "affordances": {"Bed": [2, 3], "Job": [5, 6]},
    }


def original_steps() -> list[RecordedStep]:
    return [
        RecordedStep(0, (3, 4), METERS, 2, 1.0, 0.5, False, (0.1, 0.2, 0.3), 12, 0.5),
        RecordedStep(1, (3, 5), METERS, 0, -1.0, 0.25, True),
    ]


def test_a_step_is_made_as_in_the_original_protocol() -> None:
    step, last = original_steps()
    assert (step.step, step.position, step.meters, step.action, step.reward) == (0, (3, 4), METERS, 2, 1.0)
    assert (step.intrinsic_reward, step.done, step.q_values) == (0.5, False, (0.1, 0.2, 0.3))
    assert (step.time_of_day, step.interaction_progress) == (12, 0.5)
    assert (last.q_values, last.time_of_day, last.interaction_progress) == (None, None, None)


def test_metadata_is_made_as_in_the_original_protocol() -> None:
    made = original_metadata().to_map()
    assert {name: made[name] for name in original_file()["metadata"]} == original_file()["metadata"]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_of_the_original_protocol_is_read(tmp_path: Path, compressed: bool) -> None:
    content = msgpack.packb(original_file())
    path = tmp_path / "episode_000500.msgpack.lz4"
    path.write_bytes(lz4.frame.compress(content) if compressed else content)
    episode = open_episode(path)
    assert list(episode.steps()) == original_steps()
    assert episode.metadata == original_metadata()
    assert episode.affordances == {"Bed": (2, 3), "Job": (5, 6)}
    assert episode.column("q_values").shape == (2, 3)
    assert episode.present("q_values").tolist() == [True, False]
    assert episode.column("reward").tolist() == [1.0, -1.0]


def test_a_file_without_optional_fields_is_read() -> None:
    steps = [
        {
            "step": 0,
            "position": [3, 4],
            "meters": [0.5],
            "action": 2,
            "reward": 1.0,
            "intrinsic_reward": 0.0,
            "done": True,
        }
    ]
    data = lz4.frame.compress(msgpack.packb({**original_file(), "steps": steps}))
    assert list(open_episode(data).steps()) == [RecordedStep(0, (3, 4), (0.5,), 2, 1.0, 0.0, True)]


def test_unknown_values_are_numbers_in_version_1_and_none_when_read() -> None:
    metadata = EpisodeMetadata(500, 2, 1.0, 1.0, 0.0)
    data, _ = build_version1(metadata=metadata, reasons=[], steps=original_steps())
    found = msgpack.unpackb(lz4.frame.decompress(data))["metadata"]
    stand_ins = {"curriculum_stage": 0, "epsilon": 0.0, "intrinsic_weight": 0.0, "timestamp": 0.0}
    assert {name: found[name] for name in stand_ins} == stand_ins
    assert found["unknown"] == list(stand_ins)
    assert open_episode(data).metadata == metadata


def test_a_version_1_file_has_the_original_structure() -> None:
    data, _ = build_version1(metadata=original_metadata(), reasons=["periodic_100"], steps=original_steps())
    found = msgpack.unpackb(lz4.frame.decompress(data))
    expected = original_file()
    assert set(found) == set(expected)
    assert (found["version"], found["affordances"]) == (1, expected["affordances"])
    assert {name: found["metadata"][name] for name in expected["metadata"]} == expected["metadata"]
    for step, original_step in zip(found["steps"], expected["steps"], strict=True):
        assert {name: step.get(name) for name in original_step} == original_step
