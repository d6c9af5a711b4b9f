"""The checks of ``doctor``: each a function from settings and Redis to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from recorder.commands.checks.catalog import check_catalog
from recorder.commands.checks.finding import Finding, Verdict
from recorder.commands.checks.installation import check_installation
from recorder.commands.checks.left_behind import check_black_boxes, check_lost_steps
from recorder.commands.checks.parts import check_packages, check_parts
from recorder.commands.checks.places import check_places
from recorder.commands.checks.recordings import check_recordings
from recorder.commands.checks.runs import check_runs
from recorder.commands.checks.server import FoundRedis, check_keys, check_server, find_redis
from recorder.settings import Settings

__all__ = ["CHECKS", "Finding", "FoundRedis", "Verdict", "find_redis"]

CHECKS: tuple[Callable[[Settings, FoundRedis], Iterator[Finding]], ...] = (
    check_packages,
    check_places,
    check_catalog,
    check_recordings,
    check_server,
    check_installation,
    check_runs,
    check_keys,
    check_lost_steps,
    check_black_boxes,
    check_parts,
)
"""In the order of the output."""
