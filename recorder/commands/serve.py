"""Show recordings in a browser: start the replay server and print its link."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from recorder.commands.arguments.opening import check_recordings_owner, settings_of
from recorder.commands.arguments.opening_redis import check_redis_owner, find_server_url
from recorder.commands.arguments.parsing import non_negative, positive
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output
from recorder.errors import StorageError
from recorder.redis_server.client import check_server
from recorder.runtime.extras import require_extra
from recorder.storage import check_drivers

if TYPE_CHECKING:
    from recorder.settings import Settings

EXAMPLE = """\
serve --recordings recordings/
serve --port 0 --processes 2"""

_OPTIONS = ("host", "port", "token", "processes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(**dict.fromkeys(_OPTIONS))
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1); any but loopback needs a token")
    parser.add_argument("--port", type=non_negative, help="port to listen on (default: 8766); 0 takes a free one")
    parser.add_argument("--token", help="secret for clients; safer: set HAMLET_RECORDER_SERVER__TOKEN")
    parser.add_argument("--processes", type=positive, help="processes that share the port (default: 1)")


def run(args: argparse.Namespace) -> ExitStatus:
    """Serve until a signal arrives.

    Raises:
        SettingsError: the address is reachable from outside and no token is set, or this kind of Redis is not
            supported.
        ServerStartError: the address is in use.
        CatalogError: the catalog can't be opened, or the recordings belong to another one.
        StorageError: the recordings folder can't be created, or a URL's driver is not installed.
        StreamError: Redis belongs to another installation.
    """
    with require_extra("The replay server", "replay_server", extra="server"):
        from replay_server.serving import bind, check_bind, link, serve  # lazy: loads Flask and gunicorn
    output = Output(as_json=False)  # the address is the command's result
    settings = _settings(args, output)
    check_bind(settings)
    check_drivers(settings, writes=False)
    _make_catalog(settings)
    listener = bind(settings.server.host, settings.server.port)
    address = link(settings, listener.getsockname()[1])
    serve(settings, listener, on_ready=lambda: output.announce(f"Replay: {address}", "Stop it with Ctrl-C."))
    return ExitStatus.OK


def _settings(args: argparse.Namespace, output: Output) -> Settings:
    given = {name: getattr(args, name) for name in _OPTIONS if getattr(args, name) is not None}
    settings = settings_of(args, **({"server": given} if given else {}))
    url = find_server_url(settings)
    for used in filter(None, (url, settings.redis.broker_url)):
        if away := check_server(used, socket_timeout_secs=settings.redis.socket_timeout_secs):
            output.warn(f"live episodes and new videos have to wait: {away}")
    redis = settings.redis.model_copy(update={"url": url})
    return settings.model_copy(update={"redis": redis})


def _make_catalog(settings: Settings) -> None:
    """Create or migrate the catalog once, before several processes try to, and check that Redis and the recordings belong to
    it."""
    from recorder.catalog import Catalog  # lazy: loads SQLAlchemy

    folder = settings.local_recordings_dir
    if folder is not None and settings.database is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"the recordings folder can't be created ({error.strerror}): {folder}") from error
    with Catalog(settings.catalog_url) as catalog:
        ours = catalog.installation()
    check_redis_owner(settings, settings.redis.url, ours)
    check_recordings_owner(settings, ours)
