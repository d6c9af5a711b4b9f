"""The order in which commands take recordings: its options, its name in the catalog, and its name for people."""

from __future__ import annotations

import argparse

__all__ = ["add_order", "order_of", "words_of_order"]

_IN_CATALOG = {
    "timestamp": "timestamp",
    "episode_id": "episode_id",
    "return": "reward",
    "reward": "reward",
    "length": "length",
    "stage": "stage",
}
"""What can be chosen, and the catalog's name for it; a recording's reward is its return."""

_WORDS = {
    "timestamp": ("newest", "oldest"),
    "episode_id": ("last episode", "first episode"),
    "reward": ("highest return", "lowest return"),
    "length": ("longest", "shortest"),
    "stage": ("last stage", "first stage"),
}


def add_order(parser: argparse._ActionsContainer) -> None:
    """Add the options."""
    parser.add_argument(
        "--order",
        choices=tuple(_IN_CATALOG),
        default="timestamp",
        help="sort by this, descending (default: %(default)s)",
    )
    parser.add_argument("--ascending", action="store_true", help="sort ascending")


def order_of(args: argparse.Namespace) -> str:
    """As ``Catalog.query_recordings`` takes it."""
    name = _IN_CATALOG[args.order]
    return name if args.ascending else f"-{name}"


def words_of_order(args: argparse.Namespace) -> str:
    """Which recordings come first: ``newest first``."""
    return f"{_WORDS[_IN_CATALOG[args.order]][args.ascending]} first"
