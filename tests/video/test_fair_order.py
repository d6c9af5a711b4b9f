"""One client's many videos do not delay others, tested on the real queue."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import redis

from recorder.redis_server.status import read_queue_lengths
from recorder.settings import load_settings
from replay_server.videos.render_requests import RenderRequests
from tests.video.conftest import RUN, Recordings
from worker.app import create_app
from worker.video.tasks import SWEEP_VIDEOS

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_flood_does_not_delay_an_honest_clients_video(
    recordings: Recordings, redis_url: str, redis_client: redis.Redis
) -> None:
    recordings.add(1, 4)
    recordings.add(2, 4)
    places = {"recordings_dir": str(recordings.folder), "database": str(recordings.database)}
    settings = load_settings(overrides={**places, "redis": {"url": redis_url}})
    flood = RenderRequests(recordings.catalog, settings, now=lambda: START)
    for crf in range(30):
        flood.ask(RUN, 1, {"crf": crf, "dpi": 20}, asked_by="flood")
    honest = RenderRequests(recordings.catalog, settings, now=lambda: START + timedelta(seconds=1))
    wanted, _ = honest.ask(RUN, 2, {"dpi": 20}, asked_by="a person")
    app = create_app(settings, redis_url=redis_url)
    app.tasks[SWEEP_VIDEOS]()
    first, *others = [redis_client.lrange(key, 0, -1) for key in sorted(redis_client.keys("hamlet:render*"))]
    assert len(first) == 2, "the first of each client"
    assert any(wanted.video_id.encode() in task for task in decoded(first))
    assert sum(map(len, others)) == 29
    assert not any(wanted.video_id.encode() in task for tasks in others for task in decoded(tasks))
    assert read_queue_lengths(redis_url, key_prefix="hamlet:")["render"] == 31
    app.close()


def decoded(tasks):
    """Messages with their bodies, which are base64."""

    return [base64.b64decode(json.loads(task)["body"]) for task in tasks]
