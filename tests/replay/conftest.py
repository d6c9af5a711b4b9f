"""A replay server with test recordings: as a separate process, and in this process for small limits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from recorder.catalog import Catalog
from recorder.redis_server.embedded import EmbeddedServer
from recorder.settings import load_settings
from replay_server.app import EXTENSION, create_app
from replay_server.limits import Limits
from tests.agent_episodes import add_agent_episode
from tests.episodes import add_episode
from tests.processes import PythonProcess
from tests.replay.viewer import Viewer

HOSTILE = '<img src=x onerror="alert(1)">'

Connect = Callable[..., Viewer]


@dataclass(frozen=True)
class Served:
    """A running server."""

    port: int
    folder: Path


def fill(folder: Path) -> None:
    """One recording of each kind."""
    with Catalog(folder / "catalog.db") as catalog:
        for episode_id in range(0, 400, 100):
            add_episode(catalog, folder, episode_id=episode_id, n_steps=50)
        add_episode(catalog, folder, run_id="long", episode_id=1, n_steps=1000)
        add_episode(catalog, folder, run_id="old", episode_id=1, n_steps=50, version=1)
        add_episode(catalog, folder, run_id="plain", episode_id=1, n_steps=50, compression="none")
        add_episode(catalog, folder, run_id="gaps", episode_id=1, n_steps=64, chunk_steps=16, missing=(1,))
        add_episode(catalog, folder, run_id="nowhere", episode_id=1, n_steps=50, n_dims=0)
        observed = {
            "action": np.zeros(51, np.int64),
            "reward": np.ones(51, np.float32),
            "extras.observation": np.linspace((0, 1), (1, 0), 51),
            "extras.value": np.full(51, 7.0),
        }
        add_episode(catalog, folder, run_id="observed", episode_id=1, n_steps=51, columns=observed, meter_names=())
        add_episode(catalog, folder, run_id="deep", episode_id=1, n_steps=50, n_dims=3)
        add_agent_episode(catalog, folder)
        add_episode(catalog, folder, run_id="empty", episode_id=1, n_steps=0, columns={})
        for run_id in (HOSTILE, "../x", "..", "a//b", "", "~tilde"):
            add_episode(catalog, folder, run_id=run_id, episode_id=1, n_steps=5)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings that no test changes."""
    folder = tmp_path_factory.mktemp("recordings")
    fill(folder)
    return folder


@pytest.fixture(scope="session")
def server(folder: Path, redis_server: EmbeddedServer) -> Iterator[Served]:
    """``hamlet-recorder serve`` on a free port."""
    environment = {"HAMLET_RECORDER_REDIS__URL": redis_server.url}
    with PythonProcess(
        "-m", "recorder", "serve", "--recordings", str(folder), "--port", "0", environment=environment
    ) as process:
        yield Served(port_of(process), folder)


def port_of(process: PythonProcess) -> int:
    """The port in the printed link."""
    return int(process.wait_for("http://").partition("127.0.0.1:")[2].partition("/")[0])


@pytest.fixture
def connect(server: Served) -> Iterator[Connect]:
    """Connects viewers to the server, and hangs up when the test ends."""
    with connecting(server.port) as make:
        yield make


@contextmanager
def connecting(port: int) -> Iterator[Connect]:
    """A function that connects viewers, all of which are closed at the end."""
    viewers: list[Viewer] = []

    def make(path: str = "/ws", **headers: str) -> Viewer:
        viewers.append(Viewer(port, path, headers))
        return viewers[-1]

    try:
        yield make
    finally:
        for viewer in viewers:
            viewer.close()


def make_app(folder: Path, limits: Limits | None = None, **more: Any) -> Flask:
    """The application, in this process."""
    return create_app(load_settings(env={}, overrides={"recordings_dir": str(folder), **more}), limits=limits)


@pytest.fixture
def app(folder: Path) -> Iterator[Flask]:
    """The application over recordings that no test changes."""
    app = make_app(folder)
    yield app
    app.extensions[EXTENSION].close("the test is over")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """HTTP without a network."""
    return app.test_client()


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """Recordings that the test may change."""
    fill(tmp_path)
    return tmp_path


@pytest.fixture
def own_client(own_folder: Path) -> Iterator[FlaskClient]:
    """HTTP without a network, over recordings that the test may change."""
    app = make_app(own_folder)
    yield app.test_client()
    app.extensions[EXTENSION].close("the test is over")


@contextmanager
def serving_here(app: Flask) -> Iterator[int]:
    """The application on a real socket in this process; yields its port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        app.extensions[EXTENSION].close("the test is over")
        server.shutdown()
        thread.join()
        server.server_close()
