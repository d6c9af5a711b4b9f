"""Options that select recordings, and sort them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from recorder.commands.arguments.opening import reason_of
from recorder.commands.arguments.parsing import number, whole_number

if TYPE_CHECKING:
    from recorder.catalog import Catalog

__all__ = ["add_filters", "add_order", "describe_order", "filters_of", "order_of"]

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


def add_filters(parser: argparse._ActionsContainer) -> None:
    """Add the filters that ``filters_of`` reads."""
    parser.add_argument("--stage", type=whole_number, help="only this stage of the curriculum")
    parser.add_argument(
        "--reason",
        metavar="GLOB",
        help="only recordings with this reason, in words or as --json names it; * and ? are wildcards there",
    )
    parser.add_argument("--min-reward", type=number, help="lowest return")
    parser.add_argument("--max-reward", type=number, help="highest return")


def filters_of(args: argparse.Namespace, catalog: Catalog) -> dict[str, Any]:
    """The filters, as ``Catalog.query_recordings`` takes them."""
    chosen = {name: getattr(args, name) for name in ("stage", "min_reward", "max_reward")}
    return {**chosen, "reason": reason_of(args, catalog)}


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
