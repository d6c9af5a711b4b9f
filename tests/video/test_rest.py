"""What the page's button does: ask, watch, fetch, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import redis
from flask.testing import FlaskClient
from matplotlib.image import imread

from recorder.episode_file import open_episode
from recorder.settings import Settings, load_settings
from recorder.storage import open_storage, open_videos
from recorder.video.options import VideoOptions
from replay_server.app import EXTENSION, create_app
from replay_server.videos.still_pictures import StillPictures
from tests.video.conftest import RUN, Recordings
from tests.video.decoding import n_frames_of
from tests.video.sound.hearing import audio_of
from worker.video.files.video_files import video_files
from worker.video.in_run import renderer_in_run
from worker.video.queue.context import RenderContext
from worker.video.queue.planning import begin_video, enqueue_segments
from worker.video.queue.rendering import render_segment
from worker.video.still import draw_still

WISH = {"run_id": RUN, "episode_id": 1, "dpi": 20, "preset": "ultrafast", "steps_per_second": 30}


@pytest.fixture
def settings(recordings: Recordings, redis_url: str) -> Settings:
    places = {"recordings_dir": str(recordings.folder), "database": str(recordings.database)}
    return load_settings(overrides={**places, "redis": {"url": redis_url}})


@pytest.fixture
def client(recordings: Recordings, settings: Settings) -> Iterator[FlaskClient]:
    recordings.add(1, 4)
    app = create_app(settings, catalog=recordings.catalog)
    yield app.test_client()
    app.extensions[EXTENSION].close("the end of the test")


def render_all(recordings, settings, video_id):
    messages = []
    context = RenderContext(
        catalog=recordings.catalog,
        storage=open_storage(recordings.folder),
        videos=video_files(open_videos(settings)),
        send_segment=lambda *message: messages.append(message),
        send_video=lambda _: None,
    )
    begin_video(context, video_id)
    enqueue_segments(context)
    for message in messages:
        render_segment(context, *message)


def test_a_request_can_have_effects_a_narration_and_captions(
    client: FlaskClient, recordings: Recordings, settings: Settings, tmp_path: Path
) -> None:
    recordings.add(2, 40)
    sound = {"effects": "wood", "narrate": "teacher", "voice": "espeak", "fps": 10, "steps_per_second": 8}
    place = client.post("/api/v1/videos", json={**WISH, "episode_id": 2, **sound}).headers["Location"]
    assert client.get(f"{place}/captions").status_code == 409
    render_all(recordings, settings, place.rpartition("/")[2])
    with client.get(f"{place}/captions") as captions:
        assert captions.content_type == "text/vtt; charset=utf-8"
        assert "pisode 2" in captions.text
    with client.get(f"{place}/file") as video:
        (tmp_path / "v.mp4").write_bytes(video.data)
    assert "aac" in audio_of(tmp_path / "v.mp4")
    silent = client.post("/api/v1/videos", json=WISH).headers["Location"]
    assert client.get(f"{silent}/captions").status_code == 404
    for wrong in (
        {"effects": "sotf"},
        {"narrate": True},
        {"voice": "/etc/passwd"},
        {"llm": "http://x"},
        {"sounds_dir": "/"},
    ):
        assert client.post("/api/v1/videos", json={**WISH, **wrong}).status_code == 400, wrong
    recordings.catalog.upsert_recordings([replace(recordings.add(3, 4), n_steps=100_000)])
    long = client.post("/api/v1/videos", json={**WISH, "episode_id": 3, "effects": "soft"})
    assert (long.status_code, "can last 15 minutes" in long.text) == (400, True)


def test_a_video_is_requested_watched_and_downloaded(
    client: FlaskClient, recordings: Recordings, settings: Settings, tmp_path: Path
) -> None:
    answer = client.post("/api/v1/videos", json=WISH)
    assert answer.status_code == 202
    place = answer.headers["Location"]
    assert client.get(place).json["state"] == "queued"
    with client.get(f"{place}/file") as early:
        assert early.status_code == 409
    assert client.post("/api/v1/videos", json=WISH).headers["Location"] == place
    render_all(recordings, settings, answer.json["video_id"])
    assert (client.get(place).json["state"], client.get(place).json["progress"]) == ("done", 1.0)
    with client.get(f"{place}/file") as file:
        assert file.content_type == "video/mp4"
        (tmp_path / "fetched.mp4").write_bytes(file.data)
    assert n_frames_of(tmp_path / "fetched.mp4") == 4
    with client.get(f"{place}/file", headers={"Range": "bytes=0-99"}) as part:
        assert (part.status_code, len(part.data)) == (206, 100)
    assert client.post("/api/v1/videos", json=WISH).status_code == 200


def test_videos_are_listed_and_cancelled(client: FlaskClient) -> None:
    place = client.post("/api/v1/videos", json=WISH).headers["Location"]
    assert [video["state"] for video in client.get("/api/v1/videos?episode=1").json["videos"]] == ["queued"]
    assert client.get("/api/v1/videos?episode=2").json["videos"] == []
    assert client.delete(place).json["state"] == "cancelled"
    assert client.post("/api/v1/videos", json=WISH).json["state"] == "queued"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"episode_id": 9}, 404, "episode 9"),
        ({}, 400, "expected 'episode_id'"),
        ({"episode_id": 1, "run_id": 3}, 400, "run_id must be a text"),
        ({"episode_id": 1, "presets": "slow"}, 400, "did you mean 'preset'"),
        ({"episode_id": 1, "fps": "30"}, 400, "fps must be of type float"),
        ({"episode_id": 1, "fps": float("nan")}, 400, "fps must be 0.001"),
        ({"episode_id": 1, "fps": 10**400}, 400, "fps is too large"),
        ({"episode_id": 1, "width": 0}, 400, "width must be an even number of pixels"),
        ({"episode_id": 1, "hold_secs": float("inf")}, 400, "hold_secs must be 0 to 600 seconds"),
        ({"episode_id": 1, "title_secs": 1e8}, 400, "title_secs must be 0 to 600 seconds"),
        ([1], 400, "expected a JSON object"),
    ],
)
def test_an_invalid_request_is_answered_with_the_expected_values(
    client: FlaskClient, body: Any, status: int, message: str
) -> None:
    answer = client.post("/api/v1/videos", json=body)
    assert (answer.status_code, message in answer.json["error"]["message"]) == (status, True), answer.json


def test_a_video_that_is_not_there_is_not_found(client: FlaskClient) -> None:
    for method in (client.get, client.delete):
        assert method("/api/v1/videos/0123").status_code == 404


def test_a_server_without_workers_offers_no_videos(recordings: Recordings) -> None:
    settings = load_settings(overrides={"recordings_dir": str(recordings.folder), "database": str(recordings.database)})
    app = create_app(settings, catalog=recordings.catalog)
    assert app.test_client().get("/api/v1/videos").status_code == 404
    app.extensions[EXTENSION].close("the end of the test")


def test_a_request_is_stored_although_redis_is_full(client: FlaskClient, redis_client: redis.Redis) -> None:
    redis_client.config_set("maxmemory", 1)
    try:
        answer = client.post("/api/v1/videos", json=WISH)
    finally:
        redis_client.config_set("maxmemory", 0)
    assert (answer.status_code, answer.json["state"]) == (202, "queued")


def test_a_still_is_a_frame_of_the_video_that_the_same_choices_make(
    client: FlaskClient, recordings: Recordings
) -> None:
    row = recordings.add(2, 40)
    choices = {"width": 640, "height": 360, "style": "light", "emphasis": True}
    answer = client.post("/api/v1/videos/still", json={"run_id": RUN, "episode_id": 2, **choices})
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    still = imread(BytesIO(answer.data), format="png")[:, :, :3]
    episode = open_episode((recordings.folder / row.file_path).read_bytes())
    renderer = renderer_in_run(recordings.catalog, RUN, episode, VideoOptions(**choices))
    frames = ((renderer.frame(frame) / 255).astype(np.float32) for frame in range(renderer.n_frames))
    assert any(np.array_equal(still, frame) for frame in frames)
    for wrong, status, message in (
        ({"style": "drak"}, 400, "did you mean"),
        ({"source": "picture"}, 400, "no pictures"),
        ({"episode_id": 9}, 404, "9"),
        ({"run_id": 5}, 400, "run_id must be a text"),
    ):
        answer = client.post("/api/v1/videos/still", json={"run_id": RUN, "episode_id": 2, **wrong})
        assert (answer.status_code, message in answer.text) == (status, True), (wrong, answer.text)
    assert recordings.catalog.list_videos() == []


def test_a_still_is_small_and_shows_a_burnt_sentence(recordings: Recordings) -> None:
    recordings.add(2, 60)

    def drawn(**choices: Any) -> Any:
        options = VideoOptions.chosen(**choices)
        return draw_still(recordings.catalog, recordings.folder, RUN, 2, options).copy()

    assert drawn(profile="youtube-1440p").shape == (360, 640, 3)
    assert drawn(width=360, height=640).shape == (640, 360, 3)
    plain, burnt = (drawn(narrate="teacher", captions=captions) for captions in ("none", "burn"))
    assert not np.array_equal(plain[-80:], burnt[-80:])


def test_a_still_is_drawn_once_for_all_who_ask_and_ends_by_its_own_time(
    recordings: Recordings, settings: Settings, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "replay_server.videos.still_pictures._MOST_WAIT_SECS", 0
    )  # a machine on which drawing takes longer
    stills = StillPictures(settings)
    together = Barrier(4)

    def ask(_: int) -> bytes:
        together.wait()
        return stills.draw(RUN, 1, {}, {"width": 640, "height": 360})

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(ask, range(4)))) == 1
    monkeypatch.setattr("replay_server.videos.still_pictures._MOST_CPU_SECS", 0.001)
    answer = client.post("/api/v1/videos/still", json={"run_id": RUN, "episode_id": 1})
    assert (answer.status_code, "takes more than 0.001 seconds" in answer.text) == (422, True), answer.text
