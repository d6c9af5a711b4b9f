"""``create_app``: assembles the parts of the server."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Flask

from recorder.catalog import Catalog
from recorder.installation.ownership import check_owner
from recorder.redis_server.client import check_server
from recorder.runtime.version import package_version
from recorder.settings import Settings
from recorder.step_stream import RedisStepStream, StepStream
from recorder.storage import open_recordings
from replay_server.access.admission import add_admission
from replay_server.access.cross_origin import Origins
from replay_server.access.proxy import Proxied, check_base_path, parse_networks
from replay_server.access.quotas import WriteQuotas
from replay_server.access.security import Gate
from replay_server.browser.pages import make_pages
from replay_server.episodes.library import Library
from replay_server.episodes.live import LiveEpisodes
from replay_server.limits import MAX_BODY_BYTES, Limits
from replay_server.metrics import Metrics
from replay_server.rest import add_rest
from replay_server.rest.arguments import RunConverter
from replay_server.services import Services
from replay_server.socket.connection import Connection
from replay_server.socket.hub import Hub
from replay_server.socket.route import add_socket_route
from replay_server.socket.session import ViewerSession

__all__ = ["EXTENSION", "create_app"]

EXTENSION = "replay"
"""Key of the ``Services`` in ``app.extensions``."""

_LIVE_SHARE = 8
"""Share of the cache for chunks of live episodes, as a divisor."""


def create_app(
    settings: Settings,
    *,
    catalog: Catalog | None = None,
    stream: StepStream | None = None,
    limits: Limits | None = None,
    metrics: Metrics | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Flask:
    """Create the application for one process. Processes share only files, catalog, stream and metrics.

    Args:
        settings: where the data is, and ``settings.server``.
        catalog: by default opened from the settings.
        stream: where trainers send; by default that of ``settings.redis.url``, or none without a URL.
        limits: by default from ``settings.server``.
        metrics: by default for this process alone.
        clock: monotonic seconds.

    Raises:
        CatalogError: the catalog can't be opened.
        SettingsError: a URL or the base path is invalid.
    """
    server = settings.server
    if limits is None:
        limits = Limits(max_connections=server.max_connections, idle_secs=server.idle_secs)
    if stream is None and settings.redis.url is not None:
        check_server(settings.redis.url, socket_timeout_secs=settings.redis.socket_timeout_secs)
        stream = RedisStepStream(
            settings.redis.url,
            key_prefix=settings.redis.key_prefix,
            purpose="server",
            socket_timeout_secs=settings.redis.socket_timeout_secs,
        )
    catalog = catalog or Catalog(settings.catalog_url)
    storage = open_recordings(settings)
    live_bytes = server.cache_bytes // _LIVE_SHARE
    library = Library(catalog, storage, cache_bytes=server.cache_bytes - live_bytes, memory_bytes=server.memory_bytes)
    live = None if stream is None else _live_episodes(stream, catalog, cache_bytes=live_bytes, clock=clock)
    metrics = metrics or Metrics()
    name = f"hamlet-recorder {package_version()}"

    def make_session(hub: Hub, connection: Connection) -> ViewerSession:
        return ViewerSession(
            hub,
            connection,
            library=library,
            live=live,
            metrics=metrics,
            server_name=name,
            base_steps_per_sec=server.steps_per_second,
        )

    services = Services(
        catalog=catalog,
        storage=storage,
        library=library,
        live=live,
        hub=Hub(limits=limits, make_session=make_session, on_check=metrics.refresh, clock=clock),
        gate=Gate(
            token=server.token.get_secret_value() if server.token else None,
            allowed_origins=Origins(server.allowed_origins),
        ),
        quotas=WriteQuotas(server.quotas, clock=clock),
        bounds=server.quotas,
        metrics=metrics,
        clock=clock,
    )
    metrics.watch("replay_waiting_bytes", "Bytes waiting for slow viewers", lambda: services.hub.n_waiting_bytes)
    metrics.watch("replay_open_bytes", "Bytes of open recordings", lambda: library.memory.n_bytes)
    metrics.watch("replay_cache_bytes", "Bytes in the caches", lambda: library.n_bytes)

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False  # a run may be named a//b
    app.url_map.converters["run"] = RunConverter
    app.extensions[EXTENSION] = services
    add_admission(app, services)
    add_rest(app, services, settings)
    add_socket_route(app, services)
    app.register_blueprint(make_pages(embed_origins=server.embed_origins))
    check_base_path(server.base_path)
    app.wsgi_app = Proxied(  # type: ignore[method-assign]
        app.wsgi_app, base_path=server.base_path, trusted=parse_networks(server.trusted_proxies)
    )
    return app


def _live_episodes(
    stream: StepStream, catalog: Catalog, *, cache_bytes: int, clock: Callable[[], float]
) -> LiveEpisodes:
    """Return the stream's statistics if Redis belongs to this catalog."""

    def check() -> None:
        check_owner(stream, catalog.installation())

    return LiveEpisodes(stream, cache_bytes=cache_bytes, clock=clock, check_owner=check)
