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
    "agent": "agent_return",
}
"""``--order`` to the catalog's name. The catalog stores a return as ``reward``."""

_WORDS = {
    "timestamp": ("newest", "oldest"),
    "episode_id": ("last episode", "first episode"),
    "reward": ("highest return", "lowest return"),
    "length": ("longest", "shortest"),
    "stage": ("last stage", "first stage"),
    "agent_return": ("highest return of the agent", "lowest return of the agent"),
}


def add_order(parser: argparse._ActionsContainer, *, has_agent: bool = False) -> None:
    """Add ``--order`` and ``--ascending``.

    Args:
        has_agent: whether the command has ``--agent``, whose return may be the order.
    """
    parser.add_argument(
        "--order",
        choices=tuple(name for name in _IN_CATALOG if has_agent or name != "agent"),
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
