"""From a command's options to the things it works on: settings, catalog, server."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.commands.terminal.standard_streams import tell
from recorder.errors import RecordingNotFoundError, StreamUnavailableError
from recorder.installation import Installation, check_owner, file_on_this_host
from recorder.redis_server.find import find_server_url
from recorder.settings import Settings, load_settings
from recorder.step_stream import RedisStepStream
from recorder.urls import is_url

if TYPE_CHECKING:
    from recorder.catalog import Catalog

__all__ = [
    "check_server_of",
    "find_server_url",
    "has_catalog",
    "installation_of",
    "open_catalog",
    "run_of",
    "settings_of",
]

_RUNS_NAMED = 5
_RUN_LETTERS = 100
"""Of a run id in a message: so much tells which one was meant."""


def settings_of(args: argparse.Namespace, **more: Any) -> Settings:
    """The settings in force for a command: its options go before everything else.

    Args:
        more: sections that only this command has options for, with their keys.

    Raises:
        SettingsError: the file, the environment or an option is wrong.
    """
    given = vars(args)
    overrides: dict[str, Any] = {}
    for option, key in (("database", "database"), ("recordings", "recordings_dir")):
        if option in given:
            overrides[key] = given[option]
    redis = {
        key: given[option] for option, key in (("redis_url", "url"), ("key_prefix", "key_prefix")) if option in given
    }
    return load_settings(given.get("config"), overrides={**overrides, **({"redis": redis} if redis else {}), **more})


def has_catalog(settings: Settings) -> bool:
    """Whether there can be a catalog: not where its file is still to be made."""
    return is_url(settings.catalog_url) or Path(settings.catalog_url).exists()


def open_catalog(settings: Settings, *, read_only: bool = True) -> Catalog:
    """The catalog.

    Raises:
        MissingExtraError: what reads catalogs is not installed.
        CatalogError: it is missing, locked, or of another version.
    """
    from recorder.catalog import Catalog  # lazy: loads SQLAlchemy

    catalog = Catalog(settings.catalog_url, read_only=read_only)
    if catalog.is_original:
        tell(f"note: this is a database of the original recorder; it is read as it is, and not changed: {catalog.url}")
    return catalog


def installation_of(settings: Settings) -> Installation:
    """What the catalog is called; where there is none yet, what is known of the one that would be made.

    Raises:
        MissingExtraError, CatalogError: as ``open_catalog``.
    """
    if not has_catalog(settings):
        return Installation("", file_on_this_host(settings.catalog_url))
    with open_catalog(settings) as catalog:
        return catalog.installation()


def check_server_of(settings: Settings, url: str | None, ours: Installation) -> None:
    """See that the server, if there is one that can be reached, is not another installation's.

    Raises:
        StreamError: it is; the message names both.
    """
    if url is None:
        return
    redis = settings.redis
    stream = RedisStepStream(
        url, key_prefix=redis.key_prefix, purpose="server", socket_timeout_secs=redis.socket_timeout_secs
    )
    try:
        check_owner(stream, ours)
    except StreamUnavailableError:
        return  # whoever needs it will say so
    finally:
        stream.close()


def run_of(args: argparse.Namespace, catalog: Catalog) -> str | None:
    """The run that a command's options name; None where they name none.

    Raises:
        RecordingNotFoundError: the catalog has no such run; the message names those that are meant, perhaps.
    """
    run_id: str | None = getattr(args, "run", None)
    if run_id is None:
        return None
    known = [row.run_id for row in catalog.list_runs()]
    if run_id not in known:
        near = get_close_matches(run_id, known)
        named = [name if name.isprintable() else repr(name) for name in near or known[:_RUNS_NAMED]]
        shown = ", ".join(named) or "none"
        what = "nearest" if near else "it has" if len(known) <= _RUNS_NAMED else "its latest"
        raise RecordingNotFoundError(
            f"there is no run {run_id!r:.{_RUN_LETTERS}} in the catalog; {what}: {shown}: {catalog.url}"
        )
    return run_id
