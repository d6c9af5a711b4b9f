"""Options for the sort order of recordings."""

from __future__ import annotations

import argparse

__all__ = ["add_order", "describe_order", "order_of"]

_IN_CATALOG = {
    "timestamp": "timestamp",
    "episode_id": "episode_id",
    "return": "reward",
    "reward": "reward",
    "length": "length",
    "stage": "stage",
}
"""``--order`` to the catalog's name. The catalog stores a return as ``reward``."""

_WORDS = {
    "timestamp": ("newest", "oldest"),
    "episode_id": ("last episode", "first episode"),
    "reward": ("highest return", "lowest return"),
    "length": ("longest", "shortest"),
    "stage": ("last stage", "first stage"),
}


def add_order(parser: argparse._ActionsContainer) -> None:
    """Add ``--order`` and ``--ascending``."""
    parser.add_argument(
        "--order",
        choices=tuple(_IN_CATALOG),
        default="timestamp",
        help="sort by this, descending (default: %(default)s)",
    )
    parser.add_argument("--ascending", action="store_true", help="sort ascending")


def order_of(args: argparse.Namespace) -> str:
    """The order, as ``Catalog.query_recordings`` takes it."""
    name = _IN_CATALOG[args.order]
    return name if args.ascending else f"-{name}"


def describe_order(args: argparse.Namespace) -> str:
    """Description of the order, such as ``newest first``."""
    return f"{_WORDS[_IN_CATALOG[args.order]][args.ascending]} first"
