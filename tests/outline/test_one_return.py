"""One return: the number that ranks an episode is the one that server, page and video count to."""

from __future__ import annotations

import pytest

from recorder.capture import EpisodeRecorder
from recorder.catalog import RecordingRow
from recorder.episode_file import build_version1, open_episode
from recorder.outline import Outline
from replay_server.episodes.recorded import OpenedRecording
from replay_server.memory import MemoryBudget
from tests.capture.recorded import close_and_read, record
from worker.video.episode.series import EpisodeSeries


@pytest.mark.parametrize(("weight", "expected"), [(0.5, 12.0), (0.0, 6.0), (None, 6.0)])
@pytest.mark.parametrize("version", [1, 2])
def test_page_video_and_catalog_count_the_same_return(version: int, weight: float | None, expected: float) -> None:
    recorder = EpisodeRecorder(strict=True)
    record(recorder, 0, range(4), intrinsic_reward=3.0)
    recorder.finish_episode(0, {} if weight is None else {"intrinsic_weight": weight})
    ended = close_and_read(recorder)[0]
    episode = ended.episode
    if version == 1:
        data, _ = build_version1(metadata=episode.metadata, reasons=[], steps=episode.steps())
        episode = open_episode(data)
    held = MemoryBudget(2**20).hold(0, make_room=lambda _: None)
    opened = OpenedRecording(RecordingRow("run", 0), episode, held)
    assert ended.body["total_reward"] == episode.metadata.total_reward == expected
    assert EpisodeSeries(episode).cumulative[-1] == opened.cumulative_reward[-1] == expected
    outline = Outline.of(episode).to_map()
    assert outline["overview"]["cumulative_reward"][-1] == expected
    assert outline["has_intrinsic"]


def test_without_intrinsic_reward_it_is_not_mentioned() -> None:
    recorder = EpisodeRecorder(strict=True)
    record(recorder, 0, range(4), intrinsic_reward=0.0)
    recorder.finish_episode(0, {"intrinsic_weight": 0.5})
    episode = close_and_read(recorder)[0].episode
    assert not Outline.of(episode).has_intrinsic
    assert EpisodeSeries(episode).intrinsic_so_far is None
