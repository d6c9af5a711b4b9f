"""Opens what a command's options name: settings, catalog, Redis."""

from __future__ import annotations

import argparse
import contextlib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.commands.terminal.standard_streams import print_error
from recorder.errors import RecordingNotFoundError, StreamUnavailableError
from recorder.installation import Installation, check_owner, file_on_this_host
from recorder.redis_server.find import find_server_url
from recorder.settings import Settings, load_settings
from recorder.step_stream import RedisStepStream
from recorder.urls import is_url

if TYPE_CHECKING:
    from recorder.catalog import Catalog

__all__ = [
    "check_redis_owner",
    "find_server_url",
    "has_catalog",
    "installation_of",
    "open_catalog",
    "open_stream",
    "run_of",
    "settings_of",
]

_RUNS_NAMED = 5
_RUNS_COMPARED = 1000
"""Latest runs to search for a similar name."""
_RUN_LETTERS = 100
"""Longest run id that a message repeats in full."""


def settings_of(args: argparse.Namespace, **more: Any) -> Settings:
    """Settings for a command; its options override every other source.

    Args:
        more: sections set by options that only this command has.

    Raises:
        SettingsError: the file, the environment or an option is invalid.
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
    """Whether the catalog exists. A catalog at a URL counts as existing."""
    return is_url(settings.catalog_url) or Path(settings.catalog_url).exists()


def open_catalog(settings: Settings, *, read_only: bool = True) -> Catalog:
    """Open the catalog.

    Raises:
        MissingExtraError: SQLAlchemy is not installed.
        CatalogError: the catalog is missing, locked, or of another version.
    """
    from recorder.catalog import Catalog  # lazy: loads SQLAlchemy

    catalog = Catalog(settings.catalog_url, read_only=read_only)
    if catalog.is_original:
        print_error(f"note: this database was written by the original recorder; it is opened read-only: {catalog.url}")
    return catalog


def installation_of(settings: Settings) -> Installation:
    """Identity of the catalog, or of the one that would be created.

    Raises:
        MissingExtraError, CatalogError: as ``open_catalog``.
    """
    if not has_catalog(settings):
        return Installation("", file_on_this_host(settings.catalog_url))
    with open_catalog(settings) as catalog:
        return catalog.installation()


def check_redis_owner(settings: Settings, url: str | None, ours: Installation) -> None:
    """Check that Redis does not belong to another installation. Skipped without a URL, or if Redis can't be reached.

    Raises:
        StreamError: Redis belongs to another installation; the message names both.
    """
    if url is None:
        return
    with contextlib.closing(open_stream(settings, url)) as stream, contextlib.suppress(StreamUnavailableError):
        check_owner(stream, ours)


def open_stream(settings: Settings, url: str) -> RedisStepStream:
    """Connection to the step stream at ``url``; close it after use."""
    redis = settings.redis
    return RedisStepStream(
        url, key_prefix=redis.key_prefix, purpose="server", socket_timeout_secs=redis.socket_timeout_secs
    )


def run_of(args: argparse.Namespace, catalog: Catalog) -> str | None:
    """The run that ``--run`` names; None without the option.

    Raises:
        RecordingNotFoundError: the catalog has no such run; the message lists similar ones.
    """
    run_id: str | None = getattr(args, "run", None)
    if run_id is None:
        return None
    try:
        catalog.get_run(run_id)
    except RecordingNotFoundError:
        known = [row.run_id for row in catalog.list_runs(limit=_RUNS_COMPARED)]
        near = get_close_matches(run_id, known)
        named = [name if name.isprintable() else repr(name) for name in near or known[:_RUNS_NAMED]]
        shown = ", ".join(named) or "none"
        what = "nearest" if near else "it has" if len(known) <= _RUNS_NAMED else "its latest"
        raise RecordingNotFoundError(
            f"there is no run {run_id!r:.{_RUN_LETTERS}} in the catalog; {what}: {shown}: {catalog.url}"
        ) from None
    return run_id
