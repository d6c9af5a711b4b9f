"""``doctor``: what it finds, and what it advises."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from recorder import EpisodeRecorder
from recorder.catalog import Catalog, EpisodeRow
from recorder.commands.checks import CHECKS
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.installation import Installation
from recorder.installation.folder_mark import write_mark
from recorder.redis_server.client import make_client
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import Flush, Play, RedisStepStream
from tests.command_line import Call, verdict_on
from tests.commands.conftest import RUN
from tests.ingest.rig import Rig
from worker.ingest.missed_heartbeats import count_missed_heartbeats
from worker.recording_writer import RecordingWriter


def test_doctor_accepts_a_fresh_machine(call: Call) -> None:
    answer = call("doctor", "--json")
    assert answer.status == ExitStatus.OK
    assert answer.document["is_well"] is True
    assert verdict_on(answer, "Redis")["found"].startswith("none is running; commands that need it start")
    assert not Path("recordings").exists(), "looking changes nothing"


def test_doctor_accepts_a_running_installation(
    call: Call, recordings: Path, redis_url: str, stream: RedisStepStream
) -> None:
    answer = call("doctor", "--json", "--recordings", recordings, "--redis-url", redis_url)
    assert answer.status == ExitStatus.OK
    for what in (
        "python",
        "libraries",
        "recordings",
        "disk",
        "maxmemory-policy",
        "appendonly",
        "Redis memory",
        "queues",
    ):
        assert verdict_on(answer, what)["verdict"] == "ok", what
    assert verdict_on(answer, "catalog")["found"].startswith("1 run, 4 recordings")
    run = verdict_on(answer, f"run {RUN}")
    assert run["verdict"] == "warn"
    assert "episodes: 1 open, 3 undecided, 7 steps lost" in run["found"]
    assert run["advice"].splitlines() == [
        "the sender could not keep up: raise recording.capture.black_box_bytes, or set on_full to block or sample",
        "Redis was unreachable, full or emptied; see the trainer's log",
    ]


def test_doctor_does_not_blame_the_queue_for_a_refused_step_and_tells_of_odd_rewards(
    call: Call, redis_url: str
) -> None:
    stream = RedisStepStream(redis_url)
    stream.beat(
        RUN, "p1", {"n_refused_steps": 1, "n_odd_rewards": 2, "closed": True}, info={"host": "here"}, now=time.time()
    )
    stream.close()
    run = verdict_on(call("doctor", "--json", "--redis-url", redis_url), f"run {RUN}")
    assert run["found"].endswith(", 1 step lost, 2 steps with a reward that is NaN or infinite")
    assert run["advice"].splitlines() == [
        "steps or episodes were refused; see the trainer's log",
        "their returns are not finite either; look at where the trainer gets its rewards from",
    ]


def test_doctor_prints_one_line_for_each_finding_with_advice(call: Call, redis_url: str) -> None:
    answer = call("doctor", "--redis-url", redis_url)
    assert answer.out.splitlines()[0].startswith("ok    python: 3.")
    assert re.fullmatch(r"\d+ checks passed(, \d+ warnings?, 0 failed)?", answer.out.splitlines()[-1])


def test_doctor_warns_of_a_redis_that_would_lose_steps(call: Call, tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "server") as server:
        client = make_client(server.url, purpose="server")
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
        client.rpush("hamlet:ingest", b"task")
        client.close()
        answer = call("doctor", "--json", "--redis-url", server.url)
    assert answer.status == ExitStatus.OK, "it records, so far"
    assert verdict_on(answer, "maxmemory-policy")["verdict"] == "warn"
    assert verdict_on(answer, "appendonly")["verdict"] == "warn"
    assert "no worker is connected" in verdict_on(answer, "queues")["found"]


def test_doctor_fails_when_redis_is_full(call: Call, tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "server") as server:
        client = make_client(server.url, purpose="server")
        client.set("key", b"x" * 4_000_000)
        client.config_set("maxmemory", "5mb")
        client.close()
        answer = call("doctor", "--json", "--redis-url", server.url)
    assert answer.status == ExitStatus.FAILED
    assert "start more ingest workers" in verdict_on(answer, "Redis memory")["advice"]


def test_doctor_fails_when_the_configured_redis_is_unreachable(call: Call) -> None:
    answer = call("doctor", "--json", "--redis-url", "redis://:secret@127.0.0.1:1/0")
    assert answer.status == ExitStatus.FAILED
    finding = verdict_on(answer, "Redis")
    assert finding["verdict"] == "fail"
    assert "secret" not in answer.out


@pytest.fixture
def silent_port() -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that accepts connections and never answers."""
    connected: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connected.append(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1], connected
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for each in connected:
        each.close()


@pytest.mark.parametrize(("scheme", "names_tls"), [("redis", False), ("rediss", True)])
def test_doctor_waits_once_for_a_server_that_does_not_answer(
    call: Call,
    recordings: Path,
    silent_port: tuple[int, list[socket.socket]],
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    names_tls: bool,
) -> None:
    monkeypatch.setenv("HAMLET_RECORDER_REDIS__SOCKET_TIMEOUT_SECS", "0.3")
    port, connected = silent_port
    answer = call("doctor", "--json", "--recordings", recordings, "--redis-url", f"{scheme}://127.0.0.1:{port}/0")
    assert answer.status == ExitStatus.FAILED
    assert ("does not use TLS on this port" in verdict_on(answer, "Redis")["found"]) == names_tls
    assert len(connected) == 1


def test_doctor_reports_a_dead_trainer(call: Call, redis_url: str, redis_client: redis.Redis) -> None:
    stream = RedisStepStream(redis_url)
    stream.beat("dead", "p1", {"closed": False}, info=None, now=time.time() - 3600)
    stream.send("dead", Flush(active={Play(1, 1): time.time() - 3600}))
    stream.close()
    finding = verdict_on(call("doctor", "--json", "--redis-url", redis_url), "run dead")
    assert finding["verdict"] == "warn"
    assert "silent (by the clock: no worker has checked lately), last heartbeat 1 h ago" in finding["found"]
    assert "or the clocks differ" in finding["advice"]


@pytest.fixture
def look(stream: RedisStepStream, tmp_path: Path) -> Callable[[], None]:
    """``look()``: a worker looks at the trainers of the run."""
    worker = Rig(stream, Catalog(tmp_path / "worker.db"), tmp_path).worker()

    def run() -> None:
        count_missed_heartbeats(worker, stream.run_info(RUN))

    return run


def test_a_trainer_with_a_slow_clock_counts_as_running_while_its_heartbeat_changes(
    call: Call, redis_url: str, stream: RedisStepStream, look: Callable[[], None]
) -> None:
    for secs in range(6):
        stream.beat(RUN, "p1", {"closed": False}, info=None, now=time.time() - 3300 + secs)
        look()
    (live,) = call("stats", "--json", "--redis-url", redis_url).document["live_runs"]
    assert (live["state"], live["state_source"]) == ("running", "workers")
    assert re.search(rf"{RUN} +running +workers +5\d(\.\d)? min ago", call("stats", "--redis-url", redis_url).out)
    found = verdict_on(call("doctor", "--json", "--redis-url", redis_url), f"run {RUN}")["found"]
    assert found.startswith("running (seen by workers), last heartbeat 5")


def test_a_trainer_with_a_fast_clock_counts_as_silent_once_its_heartbeat_stops(
    call: Call, redis_url: str, stream: RedisStepStream, look: Callable[[], None]
) -> None:
    stream.beat(RUN, "p1", {"closed": False}, info=None, now=time.time() + 3600)
    for n_checks in range(4):
        look()
        (live,) = call("stats", "--json", "--redis-url", redis_url).document["live_runs"]
        assert (live["state"], live["state_source"]) == ("silent" if n_checks == 3 else "running", "workers")
    finding = verdict_on(call("doctor", "--json", "--redis-url", redis_url), f"run {RUN}")
    assert finding["found"].startswith("silent (seen by workers), last heartbeat 0 s ago")
    assert finding["advice"] == "its trainer died; workers salvage the steps that arrived"


def test_old_observations_of_stopped_workers_are_ignored(
    call: Call, redis_url: str, redis_client: redis.Redis, stream: RedisStepStream, look: Callable[[], None]
) -> None:
    stream.beat(RUN, "p1", {"closed": False}, info=None, now=time.time() - 120)
    look()
    redis_client.expire(stream.key("missed_heartbeats", RUN), 3600 - 120)
    (live,) = call("stats", "--json", "--redis-url", redis_url).document["live_runs"]
    assert (live["state"], live["state_source"]) == ("silent", "clock")
    stream.beat(RUN, "p1", {"closed": True}, info=None, now=time.time() - 120)
    (live,) = call("stats", "--json", "--redis-url", redis_url).document["live_runs"]
    assert (live["state"], live["state_source"]) == ("closed", "trainers")


def test_doctor_reports_unsent_episodes_of_a_trainer_without_redis(call: Call, tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with Catalog(tmp_path / "recordings" / "catalog.db") as catalog:
        for run_id, at in (("dead", long_ago), ("alive", datetime.now(UTC))):
            rows = [EpisodeRow(run_id, 0, decision="held"), EpisodeRow(run_id, 1, decision="kept")]
            given: dict[str, Any] = {"new_episodes": rows, "decided": [], "criteria_state": {}, "at": at}
            assert catalog.commit_evaluation(run_id, old_cursor="0-0", new_cursor="1-0", **given)
    answer = call("doctor", "--json")
    finding = verdict_on(answer, "run dead")
    assert finding["verdict"] == "warn"
    assert "episodes: 1 held, 1 kept but not written" in finding["found"]
    assert "alive" not in answer.out


def test_every_command_shows_episodes_whose_steps_are_lost(call: Call, tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    long_ago, now = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)
    with Catalog(tmp_path / "recordings" / "catalog.db") as catalog:
        rows = [EpisodeRow("dead", 0, decision="held"), EpisodeRow("dead", 1, decision="kept", reasons=("periodic_1",))]
        given: dict[str, Any] = {"new_episodes": rows, "decided": [], "criteria_state": {}, "at": long_ago}
        assert catalog.commit_evaluation("dead", old_cursor="0-0", new_cursor="1-0", **given)
        assert catalog.park_lost(unseen_since=now, now=now) == {"dead": 2}
    finding = verdict_on(call("doctor", "--json"), "parked")
    assert (finding["verdict"], finding["advice"]) == ("warn", "hamlet-recorder parked")
    assert "2 episodes could not be written: its steps are lost" in finding["found"]
    (recorded,) = call("stats", "--json").document["recorded_runs"]
    assert (recorded["kept"], recorded["held"], recorded["parked"]) == (1, 1, 2)
    assert "2 more episodes could not be written; why: hamlet-recorder parked" in call("list").out
    assert [row["episode_id"] for row in call("parked", "--json").document["episodes"]] == [0, 1]
    for episode_id, decision in enumerate(("is held", "was kept: every episode")):
        said = " ".join(call("why", episode_id).out.split())
        assert f"episode {episode_id} of run dead {decision}" in said
        assert "it can't be written: its steps are lost" in said
        document = call("why", episode_id, "--json").document
        assert document["parked"] is True
        assert document["error"].startswith("its steps are lost")


def test_doctor_fails_on_a_file_that_is_no_catalog(call: Call, tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "catalog.db").write_bytes(b"not a database at all" * 100)
    answer = call("doctor", "--json")
    assert answer.status == ExitStatus.FAILED
    assert verdict_on(answer, "catalog")["verdict"] == "fail"


def test_doctor_fails_if_recordings_cannot_be_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = call("doctor", "--json", "--recordings", tmp_path / "file", "--database", tmp_path / "c.db")
    assert answer.status == ExitStatus.FAILED
    assert verdict_on(answer, "recordings")["verdict"] == "fail"


def test_doctor_runs_every_check() -> None:
    sources = (Path(__file__).parents[2] / "recorder/commands/checks").glob("[a-z]*.py")
    defined = re.findall(r"^def (check_\w+)", "\n".join(source.read_text() for source in sources), re.MULTILINE)
    assert sorted(check.__name__ for check in CHECKS) == sorted(defined)


def test_doctor_and_stats_report_a_redis_of_another_installation(
    call: Call, recordings: Path, redis_url: str, stream: RedisStepStream
) -> None:
    stream.set_owner(Installation("other", "there:/catalog.db").to_bytes(), replace=True)
    answer = call("doctor", "--json", "--recordings", recordings, "--redis-url", redis_url)
    assert answer.status == ExitStatus.FAILED
    assert "there:/catalog.db" in verdict_on(answer, "installation")["advice"]
    assert "another installation" in call("stats", "--recordings", recordings, "--redis-url", redis_url).out


def test_doctor_reports_a_folder_of_another_catalog(call: Call, recordings: Path, tmp_path: Path) -> None:
    write_mark(recordings, Installation("other", "there:/catalog.db"))
    answer = call("doctor", "--json", "--recordings", recordings)
    assert answer.status == ExitStatus.FAILED
    assert "there:/catalog.db" in verdict_on(answer, "installation")["found"]


def test_doctor_reports_a_redis_whose_socket_was_deleted(
    call: Call, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddedServer, "_watch", lambda _: None)
    with EmbeddedServer(recordings / ".server") as server:
        Path(server.url.removeprefix("unix://")).unlink()
        answer = call("doctor", "--json", "--recordings", recordings)
    assert answer.status == ExitStatus.FAILED
    assert "can't be reached" in verdict_on(answer, "Redis")["found"]
    assert "stop that worker" in verdict_on(answer, "Redis")["advice"]


def test_doctor_finds_ffmpeg_as_export_does(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nonexistent")
    findings = {finding["what"]: finding for finding in call("doctor", "--json").document["findings"]}
    assert findings["videos"]["verdict"] == "warn"
    assert "IMAGEIO_FFMPEG_EXE" in findings["videos"]["advice"]


def test_doctor_names_recordings_that_are_missing_or_damaged(call: Call, tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r", strict=True)
    with RecordingWriter(recorder, tmp_path / "catalog.db", tmp_path, criteria={"periodic": {"interval": 1}}):
        for episode_id in range(4):
            recorder.record_step(episode_id, 0, (1, 2), [0.5], 0, 1.0)
            recorder.finish_episode(episode_id)
    well = {found["what"]: found for found in call("doctor", "--recordings", tmp_path, "--json").document["findings"]}
    assert well["recorded files"]["found"] == "4 recordings, no damage found"
    files = sorted((tmp_path / "r").iterdir())
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-9])
    files[2].write_bytes(b"x")
    found = {found["what"]: found for found in call("doctor", "--recordings", tmp_path, "--json").document["findings"]}
    assert "recorded files" not in found
    assert found["missing files"]["found"] == "1 of 4 recordings: r/episode_000000.msgpack.lz4"
    assert found["damaged files"]["found"].startswith("2 of 4 recordings: ")
    assert "r/episode_000001.msgpack.lz4 (" in found["damaged files"]["found"]
    for file in files[1:]:
        file.unlink()
    gone = {found["what"]: found for found in call("doctor", "--recordings", tmp_path, "--json").document["findings"]}
    assert "is mounted" in gone["missing files"]["advice"]


@pytest.mark.parametrize(
    ("what", "config", "named"),
    [
        ("worker", "criteria: {custom: {nobody_has_it: {}}}", "nobody_has_it"),
        ("replay server", "server: {host: 0.0.0.0}", "recording.server.token"),
        ("catalog", "database: nowhere/catalog.db", "nowhere"),
        ("recordings", "recordings_dir: nokind://x", "nokind"),
    ],
)
def test_doctor_checks_the_settings_as_the_commands_do(
    call: Call, tmp_path: Path, what: str, config: str, named: str
) -> None:
    (tmp_path / "config.yaml").write_text(f"recording: {{{config}, redis: {{url: 'redis://127.0.0.1:1/0'}}}}")
    findings = call("doctor", "--config", tmp_path / "config.yaml", "--json").document["findings"]
    (found,) = [finding for finding in findings if finding["what"] == what]
    assert found["verdict"] != "ok"
    assert named in found["advice"]
