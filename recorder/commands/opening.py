"""From a command's options to the things it works on: settings, catalog, server."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from recorder.server_search import find_server_url
from recorder.settings import Settings, load_settings

if TYPE_CHECKING:
    from recorder.catalog import Catalog

__all__ = ["find_server_url", "open_catalog", "settings_of"]


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


def open_catalog(settings: Settings, *, read_only: bool = True) -> Catalog:
    """The catalog.

    Raises:
        MissingExtraError: what reads catalogs is not installed.
        CatalogError: it is missing, locked, or of another version.
    """
    from recorder.catalog import Catalog  # lazy: loads SQLAlchemy

    return Catalog(settings.catalog_url, read_only=read_only)
