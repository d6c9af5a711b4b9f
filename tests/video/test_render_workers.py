"""Real workers, a real server, and SIGKILL."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import yaml

from recorder.settings import load_settings
from replay_server.videos.render_requests import RenderRequests
from tests.processes import PythonProcess
from tests.video.conftest import Recordings
from tests.video.decoding import n_frames_of
from tests.waiting import wait_until

N_STEPS = 400
CHOICES = {"dpi": 80, "preset": "medium", "crf": 18, "steps_per_second": 30}
N_SLOW_STEPS = 150
SLOW_CHOICES = {"dpi": 80, "preset": "slow", "crf": 18, "steps_per_second": 30, "end_step": N_SLOW_STEPS}
LEASE_SECS = 30.0  # no busy machine stalls for so long


@pytest.fixture
def config(recordings: Recordings, redis_url: str, tmp_path: Path) -> Path:
    """A configuration with short leases, so that the dead are soon replaced."""
    path = tmp_path / "config.yaml"
    settings = {
        "recordings_dir": str(recordings.folder),
        "database": str(recordings.database),
        "redis": {"url": redis_url},
        "render": {"lease_secs": 5.0, "encoder_threads": 1},
    }
    path.write_text(yaml.safe_dump({"recording": settings}))
    return path


def test_a_worker_prolongs_the_lease_of_the_segment_that_it_renders(recordings: Recordings, config: Path) -> None:
    settings_map = yaml.safe_load(config.read_text())
    settings_map["recording"]["render"]["lease_secs"] = LEASE_SECS
    config.write_text(yaml.safe_dump(settings_map))
    recordings.add(1, N_STEPS)
    settings, catalog = load_settings(config), recordings.catalog
    with start_worker(config), start_worker(config):
        row, _ = RenderRequests(catalog, settings).ask(None, 1, SLOW_CHOICES)
        leases = set()

        def is_prolonged():
            segments = catalog.list_segments(row.video_id)
            leases.update(segment.leased_until for segment in segments if segment.state == "rendering")
            return len(leases) > 2

        wait_until(is_prolonged, message="a lease that is prolonged twice")
        done = wait_until(lambda: finished(catalog, row.video_id), message="the video")
    assert (done.state, done.n_frames_done) == ("done", N_SLOW_STEPS)
    assert [segment.attempts for segment in catalog.list_segments(row.video_id)] == [1]


def start_worker(config):
    return PythonProcess(
        "-m", "recorder", "worker", "--config", str(config), "--queues", "render", "--concurrency", "1"
    )


def pids_with(words):
    """Processes whose command line holds the words."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if words in line and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the processes to kill in /proc")
def test_a_video_is_made_once_and_whole_although_worker_and_ffmpeg_are_killed(
    recordings: Recordings, config: Path
) -> None:
    recordings.add(1, N_STEPS)
    settings = load_settings(config)
    catalog = recordings.catalog
    with start_worker(config) as first:
        requests = RenderRequests(catalog, settings)
        row, created = requests.ask(None, 1, CHOICES)
        assert created
        segments_dir = f"{settings.videos_place}/.segments"
        encoders = wait_until(lambda: pids_with(segments_dir), message="the first ffmpeg")
        os.kill(encoders[0], signal.SIGKILL)
        wait_until(lambda: any(s.error for s in catalog.list_segments(row.video_id)), message="the note of the failure")
        wait_until(lambda: pids_with(segments_dir), message="the second ffmpeg")
        os.killpg(first.pid, signal.SIGKILL)
    wait_until(lambda: not pids_with(segments_dir), message="the end of the dead worker's ffmpeg")
    assert catalog.get_video(row.video_id).state == "rendering"
    with start_worker(config) as second:
        done = wait_until(lambda: finished(catalog, row.video_id), message="the video")
        assert done.state == "done", (done.error, second.output)
        wait_until(lambda: not list(Path(settings.videos_place).glob(".segments/*")), message="the end of the segments")
    video = Path(settings.videos_place) / done.file_path
    assert n_frames_of(video) == N_STEPS
    assert [path for path in Path(settings.videos_place).rglob("*") if path.is_file()] == [video]


def finished(catalog, video_id):
    row = catalog.get_video(video_id)
    return row if row.state in ("done", "failed") else None
