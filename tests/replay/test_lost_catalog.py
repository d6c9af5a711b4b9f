"""A replay server whose catalog is deleted or replaced, or whose step server another installation takes."""

from __future__ import annotations

import shutil
from pathlib import Path

from recorder.catalog import Catalog
from recorder.installation import Installation
from recorder.settings import load_settings
from recorder.step_stream import RedisStepStream
from replay_server.app import EXTENSION, create_app
from tests.episodes import add_episode


def fill(folder: Path, run_id: str) -> None:
    folder.mkdir(exist_ok=True)
    with Catalog(folder / "catalog.db") as catalog:
        add_episode(catalog, folder, run_id=run_id, episode_id=1, n_steps=5)
        catalog.join_installation()


def test_the_page_follows_a_recreated_recordings_folder(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    fill(folder, "old")
    app = create_app(load_settings(env={}, overrides={"recordings_dir": str(folder)}))
    client = app.test_client()

    def run_ids() -> list[str]:
        return [run["run_id"] for run in client.get("/api/v1/runs").get_json()["runs"]]

    assert run_ids() == ["old"]
    shutil.rmtree(folder)
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    answer = client.get("/api/v1/runs")
    assert (answer.status_code, "deleted or moved" in answer.text) == (503, True)
    fill(folder, "new")
    assert run_ids() == ["new"]
    assert client.get("/api/v1/episodes/new/1").status_code == 200
    assert client.get("/readyz").status_code == 200
    app.extensions[EXTENSION].close("done")


def test_the_page_shows_no_live_episodes_of_another_installation(tmp_path: Path, redis_url: str) -> None:
    folder = tmp_path / "recordings"
    fill(folder, "mine")
    stream = RedisStepStream(redis_url)
    stream.set_owner(Installation("other", "there:/catalog.db").to_bytes(), replace=True)
    app = create_app(load_settings(env={}, overrides={"recordings_dir": str(folder), "redis": {"url": redis_url}}))
    client = app.test_client()
    answer = client.get("/api/v1/runs/mine/live")
    assert (answer.status_code, "another installation" in answer.text) == (503, True)
    with Catalog(folder / "catalog.db") as catalog:
        stream.set_owner(catalog.installation().to_bytes(), replace=True)
    assert client.get("/api/v1/runs/mine/live").status_code == 200
    app.extensions[EXTENSION].close("done")
    stream.close()
