"""REST under ``/api/v1`` and the routes for monitoring; PROTOCOL.md has the table."""

from __future__ import annotations

from flask import Flask

from recorder.settings import Settings
from replay_server.rest.annotations import make_annotations, make_tags
from replay_server.rest.episodes import make_episodes
from replay_server.rest.errors import add_error_handlers
from replay_server.rest.exports import make_exports, make_files
from replay_server.rest.health import make_description, make_health
from replay_server.rest.runs import make_runs
from replay_server.rest.steps import make_steps
from replay_server.rest.thumbnails import make_thumbnails
from replay_server.rest.videos import make_videos
from replay_server.services import Services

__all__ = ["PREFIX", "add_rest"]

PREFIX = "/api/v1"


def add_rest(app: Flask, services: Services, settings: Settings) -> None:
    """Register every route."""
    add_error_handlers(app)
    for make in (
        make_runs,
        make_episodes,
        make_steps,
        make_files,
        make_exports,
        make_thumbnails,
        make_tags,
        make_annotations,
    ):
        app.register_blueprint(make(services), url_prefix=PREFIX)
    if settings.redis.url is not None:  # videos need render workers, whose queue is in Redis
        app.register_blueprint(make_videos(services, settings), url_prefix=PREFIX)
    app.register_blueprint(make_description(), url_prefix=PREFIX)
    app.register_blueprint(make_health(services))
