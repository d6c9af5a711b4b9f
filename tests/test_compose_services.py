"""Each service of docker-compose.yml as it is written: its command, its probe and its folder, in an environment with exactly
the packages of its image, as a user without rights. Only where the servers are is put right."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recorder import EpisodeMetadata, EpisodeRecorder
from tests.ports import free_port
from tests.postgres_server import PostgresServer
from tests.target_environment import TargetEnvironment
from tests.test_compose import OURS, SERVICES, interpolated, targets
from tests.waiting import DEADLINE_SECS, wait_until

pytestmark = pytest.mark.postgres

PASSWORD = "p@ss/w#rd:x?%41 &'"
"""All that means something in a URL."""
TOKEN = "t0ken"


def extras_of(target: str) -> list[str]:
    found = re.search(r"^RUN pip install \"?\.(?:\[([a-z,]+)\])?\"?$", targets()[target], flags=re.MULTILINE)
    assert found is not None, target
    return (found[1] or "").split(",") if found[1] else []


class Service:
    """One service, running.

    Args:
        places: what stands in the file, and what it is here.
    """

    def __init__(self, name: str, folder: Path, places: dict[str, str], **more: str) -> None:
        service = SERVICES[name]
        self._environment = TargetEnvironment(folder, extras_of(OURS[name]))
        self._places = places
        self.variables = {
            key: self.put_right(interpolated(value, {"REPLAY_TOKEN": TOKEN, "POSTGRES_PASSWORD": PASSWORD}))
            for key, value in service["environment"].items()
        }
        self.variables |= more
        self.log = folder / "log"
        self._probe = [self.put_right(word) for word in service["healthcheck"]["test"][1:]]
        self.process = self._environment.start(service["command"], self.variables, self.log)

    def put_right(self, text: str) -> str:
        for written, here in self._places.items():
            text = text.replace(written, here)
        return text

    def is_healthy(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        # The probe's output is shown with the container's health.
        return self._environment.run(self._probe, self.variables, self.log.with_name("probe")) == 0

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_SECS) == 0, self.log.read_text()

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    """The database of the file, on a cluster that asks for the password; yields the folder of its socket."""
    socket_dir = Path(postgres.url("x").partition("host=")[2])
    rules = socket_dir / "data" / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(f"host={socket_dir} user=tests dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE ROLE recorder LOGIN PASSWORD {psycopg.sql.quote(PASSWORD)}")
        connection.execute("CREATE DATABASE recorder OWNER recorder")
        rules.write_text(f"local all recorder scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
    socket_dir.chmod(0o711)
    yield str(socket_dir)
    rules.write_text(before)


def test_all_services_of_the_compose_file_work_together(tmp_path: Path, database: str, redis_url: str) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    port = free_port()
    places = {
        "redis://redis:6379/0": redis_url,
        "@postgres:5432/recorder": f"@/recorder?host={database}",
        "127.0.0.1:8766": f"127.0.0.1:{port}",
    }
    more = {
        "HAMLET_RECORDER_RECORDINGS_DIR": str(recordings),
        "HAMLET_RECORDER_SERVER__PORT": str(port),
        "HAMLET_RECORDER_INGEST__CONCURRENCY": "1",
    }
    services: list[Service] = []
    try:
        for name in OURS:
            services.append(Service(name, tmp_path / name, places, **more))
        for service in services:
            wait_until(service.is_healthy, message=f"healthy: {service.log.read_text()}")
        record_one(redis_url)
        show_a_video(port)
        for service in services:
            service.stop()
            text = service.log.read_text()
            assert "Traceback" not in text
            assert PASSWORD not in text
            assert "w#rd" not in text
    finally:
        for service in services:
            service.kill()


def record_one(redis_url: str) -> None:
    with EpisodeRecorder(redis_url, run_id="demo") as recorder:
        for step in range(4):
            recorder.record_step(0, step, (step, 0), [0.5], 0, 1.0, done=step == 3)
        recorder.finish_episode(0, EpisodeMetadata())


def ask(port: int, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=DEADLINE_SECS) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def show_a_video(port: int) -> None:
    wait_until(lambda: ask(port, "/episodes?recorded=true")["episodes"], message="the episode in the page")
    video = ask(port, "/videos", {"episode_id": 0, "dpi": 20, "preset": "ultrafast"})

    def state() -> str:
        return str(ask(port, f"/videos/{video['video_id']}")["state"])

    wait_until(lambda: state() in ("done", "failed"), message="the video")
    assert state() == "done", ask(port, f"/videos/{video['video_id']}")
