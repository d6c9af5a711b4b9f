"""Every process refuses Redis Cluster and Sentinel by name; Redis with TLS works everywhere."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder import EpisodeRecorder
from recorder.errors import SettingsError, StreamError, StreamUnavailableError
from recorder.redis_server.client import check_server, make_client, translate_errors
from tests.command_line import Call
from tests.ports import free_port
from tests.processes import PythonProcess, run_python
from tests.unsuitable_servers import cluster_node, replica, sentinel, tls_server
from tests.worker.cluster import open_cluster
from tests.worker.recording import QUICK, play

SENTENCES = {cluster_node: "this is a Redis Cluster", sentinel: "this is a Redis Sentinel"}
WORKER = ("worker", "--queues", "ingest")
COMMANDS = (WORKER, ("serve", "--port", "0"), ("stats",))


@pytest.fixture(scope="module", params=SENTENCES, ids=["cluster", "sentinel"])
def unsuitable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server's URL, and what is said of it."""
    start: Callable[[Path], object] = request.param
    with start(tmp_path_factory.mktemp("server")) as url:  # type: ignore[attr-defined]
        yield url, SENTENCES[start]  # type: ignore[index]


@pytest.mark.parametrize("database", ["", "?db=1"])
def test_a_trainer_refuses_an_unsuitable_server_at_its_start(unsuitable: tuple[str, str], database: str) -> None:
    url, sentence = unsuitable
    with pytest.raises(SettingsError, match=sentence):
        EpisodeRecorder(f"{url.removesuffix('/0')}{database}", run_id="refused")


def test_a_database_that_redis_does_not_have_is_refused_at_the_start(
    redis_url: str, tmp_path: Path, call: Call
) -> None:
    url = f"{redis_url.partition('?')[0]}?db=99999"
    with pytest.raises(SettingsError, match="Redis has no database 99999: give a smaller number"):
        EpisodeRecorder(url, run_id="refused")
    for command in COMMANDS:
        environment = {"HAMLET_RECORDER_REDIS__URL": url}
        answer = call(*command, "--recordings", tmp_path / "recordings", environment=environment)
        assert (answer.status, "error: Redis has no database 99999" in answer.err) == (2, True), answer


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_refuse_an_unsuitable_server(
    unsuitable: tuple[str, str], command: tuple[str, ...], tmp_path: Path, call: Call
) -> None:
    url, sentence = unsuitable
    environment = {"HAMLET_RECORDER_REDIS__URL": url}
    answer = call(*command, "--recordings", tmp_path / "recordings", environment=environment)
    assert answer.status == 2
    assert f"error: {sentence}" in answer.err


def test_doctor_reports_an_unsuitable_server(unsuitable: tuple[str, str], tmp_path: Path, call: Call) -> None:
    url, sentence = unsuitable
    answer = call("doctor", "--redis-url", url, "--recordings", tmp_path)
    assert answer.status == 1
    assert f"fail  Redis: {sentence}" in answer.output
    assert "Traceback" not in answer.output


def test_the_broker_is_checked_too(unsuitable: tuple[str, str], redis_url: str, tmp_path: Path, call: Call) -> None:
    url, sentence = unsuitable
    environment = {"HAMLET_RECORDER_REDIS__URL": redis_url, "HAMLET_RECORDER_REDIS__BROKER_URL": url}
    answer = call(*WORKER, "--recordings", tmp_path, environment=environment)
    assert (answer.status, sentence in answer.err) == (2, True), answer


def test_celerys_command_line_refuses_an_unsuitable_server(unsuitable: tuple[str, str], tmp_path: Path) -> None:
    url, sentence = unsuitable
    environment = {
        "HAMLET_RECORDER_REDIS__URL": url, "HAMLET_RECORDER_RECORDINGS_DIR": str(tmp_path), "C_FORCE_ROOT": "1",
    }  # fmt: skip
    arguments = ("-m", "celery", "-A", "worker.celery_app", "worker", "-Q", "ingest", "-c", "1")
    status, output = run_python(arguments, environment=environment)
    assert status != 0
    assert sentence in output


def test_a_read_only_replica_is_named(tmp_path: Path, call: Call) -> None:
    with replica(tmp_path) as url:
        places = ("--redis-url", url, "--recordings", str(tmp_path / "recordings"))
        answer = call(*WORKER, *places)
        assert answer.status == 1
        assert "error: this Redis is a read-only replica: give the URL of its primary" in answer.err
        answer = call("doctor", *places)
        assert (answer.status, "is a read-only replica" in answer.output) == (1, True), answer.output
        client = make_client(url, purpose="trainer")
        with pytest.raises(StreamUnavailableError, match="read-only replica") as caught, translate_errors(url):
            client.pipeline().xadd("steps", {"data": b"\x93\xff" * 40}).execute()
        assert "steps" not in str(caught.value)
        client.close()


def test_an_entry_that_redis_refuses_is_not_in_the_error(redis_url: str) -> None:
    client = make_client(redis_url, purpose="trainer")
    client.set("text", b"1")
    with pytest.raises(StreamError) as caught, translate_errors(redis_url):
        client.pipeline().xadd("text", {"secret": "steps"}).execute()
    client.close()
    assert "WRONGTYPE" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_replay_server_says_at_its_start_that_redis_does_not_answer(tmp_path: Path) -> None:
    places = ("--redis-url", f"redis://127.0.0.1:{free_port()}/0", "--recordings", str(tmp_path))
    with PythonProcess("-m", "recorder", "serve", "--port", "0", *places) as server:
        server.wait_for("warning: live episodes and new videos have to wait: Redis can't be reached")
        server.wait_for("Replay: ")


def test_redis_with_tls_works_for_trainers_workers_and_the_replay_server(tmp_path: Path, call: Call) -> None:
    (tmp_path / "server").mkdir()
    with tls_server(tmp_path / "server") as bare_url:
        url = f"{bare_url}?ssl_ca_certs={tmp_path / 'server' / 'server.crt'}"
        with open_cluster(tmp_path, url) as cluster, cluster.worker() as worker:
            worker.wait_for("worker: serves")
            with EpisodeRecorder(url, run_id="private", limits=QUICK, strict=True) as recorder:
                for episode_id in range(3):
                    play(recorder, episode_id)
                    recorder.keep(episode_id, "all")
            cluster.wait_until_ended("private")
            assert cluster.recorded_ids("private") == [0, 1, 2]
            with PythonProcess("-m", "recorder", "serve", "--port", "0", environment=cluster.environment()) as server:
                address = server.wait_for("Replay: ").removeprefix("Replay: ")
                with urllib.request.urlopen(f"{address}readyz") as answer:
                    assert b"ok" in answer.read()
            answer = call("stats", environment=cluster.environment())
            assert answer.status == 0, answer.output
            worker.signal(signal.SIGTERM)
            assert worker.wait() == 0
            assert "can't hand out tasks" not in worker.output  # the queues' side is connected as well
            assert "insecure" not in worker.output
            assert "Traceback" not in worker.output


def test_an_untrusted_certificate_is_refused_with_advice(tmp_path: Path) -> None:
    with tls_server(tmp_path) as url:
        check_server(url)  # it may be mended
        client = make_client(url, purpose="trainer")
        with pytest.raises(StreamUnavailableError, match=r"add \?ssl_ca_certs=PATH"), translate_errors(url):
            client.ping()
        client.close()
        for option in ("ssl_cert_reqs=none", f"ssl_ca_certs={tmp_path / 'server.crt'}"):
            client = make_client(f"{url}?{option}", purpose="trainer")
            assert client.ping()
            client.close()
