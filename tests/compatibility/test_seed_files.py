"""The seed's section 1 'Data Structures' and 'File Formats', as printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lz4.frame
import msgpack
import pytest

from recorder import EpisodeMetadata, RecordedStep, open_episode
from recorder.episode_file import build_version1

METERS = (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


def seed_metadata() -> EpisodeMetadata:
    """All of the seed's fields, in its order."""
    return EpisodeMetadata(
        500, 100, 250.0, 200.0, 50.0, 2, 0.1, 0.5, 1700000000.0, {"Bed": (2, 3), "Job": (5, 6)}, {"Bed": 4, "Job": 1}
    )


def seed_file() -> dict[str, Any]:
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


def seed_steps() -> list[RecordedStep]:
    return [
        RecordedStep(0, (3, 4), METERS, 2, 1.0, 0.5, False, (0.1, 0.2, 0.3), 12, 0.5),
        RecordedStep(1, (3, 5), METERS, 0, -1.0, 0.25, True),
    ]


def test_a_step_is_made_as_the_seed_prints_it() -> None:
    step, last = seed_steps()
    assert (step.step, step.position, step.meters, step.action, step.reward) == (0, (3, 4), METERS, 2, 1.0)
    assert (step.intrinsic_reward, step.done, step.q_values) == (0.5, False, (0.1, 0.2, 0.3))
    assert (step.time_of_day, step.interaction_progress) == (12, 0.5)
    assert (last.q_values, last.time_of_day, last.interaction_progress) == (None, None, None)


def test_metadata_is_made_as_the_seed_prints_it() -> None:
    made = seed_metadata().to_map()
    assert {name: made[name] for name in seed_file()["metadata"]} == seed_file()["metadata"]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_made_exactly_as_the_seed_says_is_read(tmp_path: Path, compressed: bool) -> None:
    content = msgpack.packb(seed_file())
    path = tmp_path / "episode_000500.msgpack.lz4"
    path.write_bytes(lz4.frame.compress(content) if compressed else content)
    episode = open_episode(path)
    assert list(episode.steps()) == seed_steps()
    assert episode.metadata == seed_metadata()
    assert episode.affordances == {"Bed": (2, 3), "Job": (5, 6)}
    assert episode.column("q_values").shape == (2, 3)
    assert episode.present("q_values").tolist() == [True, False]
    assert episode.column("reward").tolist() == [1.0, -1.0]


def test_a_file_without_the_optional_fields_is_read() -> None:
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
    data = lz4.frame.compress(msgpack.packb({**seed_file(), "steps": steps}))
    assert list(open_episode(data).steps()) == [RecordedStep(0, (3, 4), (0.5,), 2, 1.0, 0.0, True)]


def test_what_nobody_told_is_a_number_in_version_1_and_unknown_to_our_reader() -> None:
    told = EpisodeMetadata(500, 2, 1.0, 1.0, 0.0)
    data, _ = build_version1(metadata=told, reasons=[], steps=seed_steps())
    found = msgpack.unpackb(lz4.frame.decompress(data))["metadata"]
    stand_ins = {"curriculum_stage": 0, "epsilon": 0.0, "intrinsic_weight": 0.0, "timestamp": 0.0}
    assert {name: found[name] for name in stand_ins} == stand_ins
    assert found["unknown"] == list(stand_ins)
    assert open_episode(data).metadata == told


def test_what_we_write_as_version_1_has_the_seed_s_structure() -> None:
    data, _ = build_version1(metadata=seed_metadata(), reasons=["periodic_100"], steps=seed_steps())
    found = msgpack.unpackb(lz4.frame.decompress(data))
    expected = seed_file()
    assert set(found) == set(expected)
    assert (found["version"], found["affordances"]) == (1, expected["affordances"])
    assert {name: found["metadata"][name] for name in expected["metadata"]} == expected["metadata"]
    for step, seed_step in zip(found["steps"], expected["steps"], strict=True):
        assert {name: step.get(name) for name in seed_step} == seed_step
