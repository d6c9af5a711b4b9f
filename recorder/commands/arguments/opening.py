"""Opens what a command's options name: settings, catalog, recordings. ``opening_redis`` does it for Redis."""

from __future__ import annotations

import argparse
import contextlib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.commands.terminal.standard_streams import print_error
from recorder.errors import RecordingNotFoundError, StorageError
from recorder.installation import (
    MARK_NAME,
    FolderMark,
    Installation,
    file_on_this_host,
    read_mark,
    read_store_mark,
    refuse_other_catalog,
)
from recorder.settings import Settings, load_settings
from recorder.storage import open_recordings
from recorder.urls import is_url
from recorder.wording import reason_glob

if TYPE_CHECKING:
    from recorder.catalog import Catalog

__all__ = [
    "MarkedPlace",
    "check_recordings_owner",
    "has_catalog",
    "installation_of",
    "marked_place",
    "open_catalog",
    "run_of",
    "settings_of",
]

_MARK_SECS = 5.0
"""A store that hangs does not keep a command from its start for longer."""
_RUNS_NAMED = 5
_RUNS_COMPARED = 1000
"""Latest runs to search for a similar name."""
_RUN_LETTERS = 100
"""Longest run id that a message repeats in full."""


@dataclass(frozen=True, slots=True)
class MarkedPlace:
    """Where recordings are, and whose they are.

    Args:
        mark: None if no worker has used the place.
        place: a folder or the URL of a store.
        mark_place: where the mark is.
    """

    mark: FolderMark | None
    place: str
    mark_place: str


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


def marked_place(settings: Settings) -> MarkedPlace:
    """The place of the recordings with its mark.

    Raises:
        StorageError: it can't be read.
    """
    folder = settings.local_recordings_dir
    if folder is not None:
        return MarkedPlace(read_mark(folder), str(folder), str(folder / MARK_NAME))
    store = open_recordings(settings)
    return MarkedPlace(read_store_mark(store), store.root, store.location(MARK_NAME))


def check_recordings_owner(settings: Settings, ours: Installation) -> None:
    """Check that the recordings do not belong to another catalog. Skipped if they can't be reached.

    A catalog that no worker has used, such as a new one from ``reindex``, may show them; then this is only said.

    Raises:
        CatalogError: the recordings belong to another catalog; the message names both.
    """
    patient = settings.storage.timeout_secs
    storage = settings.storage.model_copy(update={"timeout_secs": min(patient, _MARK_SECS)})
    with contextlib.suppress(StorageError):  # who reads a recording gets the error
        marked = marked_place(settings.model_copy(update={"storage": storage}))
        if ours.installation_id:
            refuse_other_catalog(marked.mark, ours, marked.mark_place)
        elif marked.mark and not marked.mark.is_copied and marked.mark.installation.differs_from(ours):
            print_error(
                f"note: these recordings belong to another catalog, {marked.mark.installation.catalog}; this one has only "
                f"what reindex finds: {ours.catalog}"
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


def reason_of(args: argparse.Namespace, catalog: Catalog) -> str | None:
    """The glob of recorded reasons that ``--reason`` stands for, which may be in words; None without the option."""
    text: str | None = args.reason
    return None if text is None else reason_glob(text, catalog.list_reasons(run_of(args, catalog)))
