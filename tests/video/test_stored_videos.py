"""Videos at a URL, beside the recordings: requested, made by workers, and streamed from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recorder.catalog import Catalog
from recorder.errors import StorageUnavailableError
from recorder.recordings.reindex import rows_of
from recorder.settings import Settings, load_settings
from recorder.storage import episode_path, open_recordings, open_videos
from replay_server.app import EXTENSION, create_app
from tests.command_line import Call
from tests.processes import PythonProcess, run_python
from tests.s3_server import S3Server
from tests.video.conftest import RUN
from tests.video.decoding import n_frames_of
from tests.video.sample import sample_file
from tests.waiting import wait_until
from worker.video.files.video_files import video_files
from worker.video.queue import planning
from worker.video.queue.context import RenderContext, RenderLimits
from worker.video.queue.planning import begin_video, sweep_videos
from worker.video.queue.rendering import render_segment

WISH = {"run_id": RUN, "episode_id": 1, "dpi": 20, "preset": "ultrafast", "fps": 10, "steps_per_second": 10}


@pytest.fixture(params=["s3", "memory"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Settings:
    root = (
        f"s3://{request.getfixturevalue('s3').new_bucket()}/runs"
        if request.param == "s3"
        else f"memory://{tmp_path.name}/runs"
    )
    places = {"recordings_dir": root, "database": str(tmp_path / "catalog.db")}
    return load_settings(env={}, overrides={**places, "redis": {"url": redis_url}})


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    name, data = episode_path(RUN, 1), sample_file(50, episode_id=1, run_id=RUN)
    open_recordings(settings).write_all({name: data})
    with Catalog(settings.catalog_url) as catalog:
        catalog.import_recordings([rows_of(name, data)])
        yield catalog


@pytest.fixture
def client(catalog: Catalog, settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings, catalog=catalog)
    yield app.test_client()
    app.extensions[EXTENSION].close("the end of the test")


class Workers:
    """Render workers whose messages are delivered at once."""

    def __init__(self, catalog, settings):
        self.messages = []
        self.context = RenderContext(
            catalog=catalog,
            storage=open_recordings(settings),
            videos=video_files(open_videos(settings)),
            send_segment=lambda *message: self.messages.append(message),
            send_video=lambda video_id: self.messages.append((video_id,)),
            limits=RenderLimits(report_secs=0.0),
        )

    def run(self):
        sweep_videos(self.context, is_thorough=True)
        while self.messages:
            message = self.messages.pop(0)
            (begin_video if len(message) == 1 else render_segment)(self.context, *message)


def names_below(storage, *folders):
    """All files of a store, whatever they are."""
    return [name for folder in folders for name, _ in storage._listed(folder)]


def test_a_video_is_written_to_the_store_and_streamed_from_it(
    client: FlaskClient, catalog: Catalog, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "PIXELS_A_SEGMENT", 1)  # several segments
    answer = client.post("/api/v1/videos", json=WISH)
    assert answer.status_code == 202
    video_id, place = answer.json["video_id"], answer.headers["Location"]
    Workers(catalog, settings).run()
    row = catalog.get_video(video_id)
    assert (row.state, row.error, row.n_segments_done) == ("done", None, 3)
    storage = open_videos(settings)
    assert names_below(storage, RUN, f".segments/{video_id}") == [row.file_path]
    with client.get(f"{place}/file") as file:
        assert (file.status_code, file.content_type) == (200, "video/mp4")
        whole, etag = file.data, file.headers["ETag"]
    (tmp_path / "fetched.mp4").write_bytes(whole)
    assert n_frames_of(tmp_path / "fetched.mp4") == 50
    with client.get(f"{place}/file", headers={"Range": "bytes=-100"}) as part:
        assert (part.status_code, part.data) == (206, whole[-100:])
        assert part.headers["Content-Range"] == f"bytes {len(whole) - 100}-{len(whole) - 1}/{len(whole)}"
    with client.get(f"{place}/file", headers={"If-None-Match": etag}) as same:
        assert same.status_code == 304
    with client.get(f"{place}/file", headers={"Range": f"bytes={len(whole)}-"}) as beyond:
        assert beyond.status_code == 416
    storage.delete(row.file_path)
    with client.get(f"{place}/file") as gone:
        assert gone.status_code == 404


def test_the_video_of_a_deleted_recording_is_deleted_from_the_store(
    client: FlaskClient, catalog: Catalog, settings: Settings
) -> None:
    client.post("/api/v1/videos", json=WISH)
    workers = Workers(catalog, settings)
    workers.run()
    assert names_below(open_videos(settings), RUN)
    catalog.delete_recording(RUN, 1)
    workers.run()
    assert names_below(open_videos(settings), RUN) == []
    assert catalog.list_videos() == []


def test_a_video_that_the_store_refuses_is_reported_to_its_client(
    client: FlaskClient, catalog: Catalog, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_):
        raise StorageUnavailableError("the store did not answer within 15 s: s3://bucket/runs")

    video_id = client.post("/api/v1/videos", json=WISH).json["video_id"]
    workers = Workers(catalog, settings)
    monkeypatch.setattr(workers.context.videos._storage, "upload", refuse)
    for _ in range(4):
        workers.run()
    row = catalog.get_video(video_id)
    assert (row.state, "did not answer" in row.error) == ("failed", True)


def test_a_video_that_a_command_requests_is_made_by_a_worker(s3: S3Server, tmp_path: Path, redis_url: str) -> None:
    bucket = s3.new_bucket()
    places = {"recordings_dir": f"s3://{bucket}/runs", "database": str(tmp_path / "catalog.db")}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"recording": {**places, "redis": {"url": redis_url}}}))
    settings = load_settings(config)
    name, data = episode_path(RUN, 1), sample_file(5, episode_id=1, run_id=RUN)
    open_recordings(settings).write_all({name: data})
    with Catalog(settings.catalog_url) as catalog:
        catalog.import_recordings([rows_of(name, data)])
        options = ["--config", str(config)]
        status, output = run_python(["-m", "recorder", "export", "1", "--queue", "--dpi", "20", *options])
        assert status == 0, output
        with PythonProcess("-m", "recorder", "worker", "--queues", "render", "--concurrency", "1", *options) as worker:
            (row,) = wait_until(lambda: catalog.list_videos(state="done"), message="the video")
            assert "Traceback" not in worker.output
        assert f"runs/videos/{row.file_path}" in s3.objects(bucket)


ASK = ["export", "1", "--queue"]


@pytest.mark.parametrize(
    ("place", "command"),
    [
        ("nonsense://bucket/videos", ASK),
        ("nonsense://bucket/videos", ["serve", "--port", "0"]),
        ("nonsense://bucket/videos", ["worker", "--queues", "render"]),
        ("s3:/bucket/videos", ASK),
        ("simplecache::s3://bucket/videos", ASK),
        ("s3://", ASK),
    ],
)
def test_an_invalid_videos_dir_is_refused_everywhere_at_once(
    place: str, command: list[str], tmp_path: Path, redis_url: str, call: Call
) -> None:
    config = tmp_path / "config.yaml"
    database = str(tmp_path / "catalog.db")
    Catalog(database).close()
    places = {"recordings_dir": str(tmp_path), "database": database, "render": {"videos_dir": place}}
    config.write_text(json.dumps({"recording": {**places, "redis": {"url": redis_url}}}))
    answer = call(*command, "--config", config)
    assert answer.status != 0
    assert place in answer.err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["export", "1"], "--output"),
        (["batch"], "--output-dir"),
        (["reel"], "--output"),
        (["export", "1", "--html"], "--output"),
    ],
)
def test_a_command_that_writes_a_local_file_refuses_a_url(
    command: list[str], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.chdir(tmp_path)
    Catalog(tmp_path / "catalog.db").close()
    places = ["--recordings", str(tmp_path), "--database", str(tmp_path / "catalog.db")]
    answer = call(*command, option, "s3://bucket/v.mp4", *places)
    assert answer.status == 2
    assert f"{option} must be a path on this machine, not a URL: s3://bucket/v.mp4" in answer.err
    assert not (tmp_path / "s3:").exists()
