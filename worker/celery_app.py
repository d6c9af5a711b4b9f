"""The module for ``celery -A worker.celery_app``: the only one that reads the configuration when it is imported."""

from __future__ import annotations

import logging

from recorder.errors import SettingsError
from recorder.settings import load_settings
from worker.app import create_app

_settings = load_settings()
if _settings.redis.url is None:
    raise SettingsError(
        "recording.redis.url must be set for 'celery -A'; only 'hamlet-recorder worker' can start Redis by itself"
    )

app = create_app(_settings, redis_url=_settings.redis.url)
if app.render_problem is not None:
    logging.getLogger(__name__).warning("this worker makes no videos: %s", app.render_problem)
