"""Videos whose pictures the environment draws from recorded states, queued or at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from examples.gymnasium_env import play_episodes
from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.recordings.find import open_recording
from recorder.storage import open_storage
from recorder.video.options import VideoOptions
from recorder.wrappers import RecordEpisode, describe_environment
from tests.command_line import Call
from tests.video.cluster import Cluster
from tests.video.conftest import Recordings
from tests.video.decoding import frames_of
from tests.wrappers.walking_env import ENV_ID
from worker import RecordingWriter
from worker.video.compare import export_comparison_video
from worker.video.sound.studio import Studio
from worker.video.still import draw_still

N_STEPS = 20
MODULE = "tests.wrappers.walking_env"
CHOICES: dict[str, Any] = {"source": "states", "dpi": 40, "steps_per_second": 5}
NOTE = "recorded pictures compared with the drawn ones: 4; the largest mean difference is 0 of 255"


@pytest.fixture
def walked(recordings: Recordings) -> Recordings:
    """Episode 0 with states and a few pictures, 1 without states, and both in the run's environment."""
    made = gymnasium.make(ENV_ID, n_steps=N_STEPS)
    recorder = EpisodeRecorder(run_id="walk", config=describe_environment(made), strict=True)
    criteria = {"periodic": {"interval": 1}}
    with RecordingWriter(recorder, recordings.database, recordings.folder, criteria=criteria):
        for options in ({"states": True, "frames": "render", "every": 5}, {}):
            env = RecordEpisode(gymnasium.make(ENV_ID, n_steps=N_STEPS, render_mode="rgb_array"), recorder, **options)
            play_episodes(env, n_episodes=1, seed=None)
            env.close()
    return recordings


def brightness(frame: NDArray[np.uint8]) -> int:
    """Of the left part of the picture that the environment drew, in the middle of the largest panel of 640x360 pixels."""
    return int(frame[200, 150].mean())


def test_render_workers_draw_recorded_states_and_compare_them_with_recorded_pictures(
    walked: Recordings, cluster: Cluster
) -> None:
    cluster.context = replace(cluster.context, studio=Studio(environments=(MODULE,)))
    video_id = cluster.ask(0, **CHOICES)
    cluster.run(times=2)
    done = cluster.video(video_id)
    assert (done.state, done.error, done.note) == ("done", None, NOTE)
    assert done.n_segments_total == 2
    frames = frames_of(cluster.file(video_id))
    assert len(frames) == 2 * N_STEPS
    for number, frame in enumerate(frames):
        assert abs(brightness(frame) - 10 * (number // 2 + 1)) <= 4
    without = cluster.ask(1, **CHOICES)
    cluster.run()
    assert cluster.video(without).state == "failed"
    assert "no states were recorded" in (cluster.video(without).error or "")


def test_a_worker_that_lacks_the_environment_says_what_to_do(walked: Recordings, cluster: Cluster) -> None:
    cluster.context = replace(cluster.context, studio=Studio(environments=("no_such_environments",)))
    video_id = cluster.ask(0, **CHOICES)
    cluster.run()
    failed = cluster.video(video_id)
    assert failed.state == "failed"
    assert "'no_such_environments', which registers environments, can't be imported" in (failed.error or "")


def test_the_command_draws_states_and_prints_the_difference(walked: Recordings, call: Call) -> None:
    places = ("--recordings", walked.folder, "--database", walked.database)
    video = walked.folder / "walk.mp4"
    shown = ("export", 0, *places, "--source", "states", "--dpi", 40, "--from", 8, "--to", 12, "--output", video)
    answer = call(*shown, "--fps", 8, "--import", MODULE)
    assert answer.status == 0, answer.output
    assert NOTE in answer.output
    assert [round(brightness(frame) / 10) for frame in frames_of(video)] == [9, 10, 11, 12]
    answer = call("export", 0, *places, "--import", MODULE, "--output", video)
    assert "--import needs --source states" in answer.output


def test_a_still_makes_no_environment_and_a_comparison_shows_no_states(walked: Recordings) -> None:
    options = VideoOptions.chosen(**CHOICES)
    picture = draw_still(walked.catalog, walked.folder, "walk", 0, options)
    _, episode = open_recording(walked.catalog, open_storage(walked.folder), "walk", 0)
    assert episode.n_steps == N_STEPS
    assert brightness(picture) < 60, "nothing of the environment"
    with pytest.raises(UsageError, match="not for a comparison or a reel"):
        export_comparison_video(0, 1, walked.catalog, walked.folder, walked.folder / "both.mp4", **CHOICES)
