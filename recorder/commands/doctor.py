"""Check packages, folders, catalog, Redis, queues and runs, and say what to do. The exit status is 1 if a check fails."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from recorder.commands.arguments.opening import settings_of
from recorder.commands.arguments.parsing import add_command
from recorder.commands.checks import CHECKS, find_redis
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted

if TYPE_CHECKING:
    from recorder.commands.arguments.parsing import Subparsers

NAME = "doctor"


def add_parser(subparsers: Subparsers) -> None:
    add_command(subparsers, NAME, description=__doc__, example="doctor --config configs/cluster.yaml")


def run(args: argparse.Namespace) -> int:
    """Print every finding with its advice."""
    settings = settings_of(args)
    output = Output.of(args)
    redis = find_redis(settings)
    findings = [finding for check in CHECKS for finding in check(settings, redis)]
    verdicts = [finding.verdict for finding in findings]
    output.document(
        {"findings": [dataclasses.asdict(finding) for finding in findings], "is_well": "fail" not in verdicts}
    )
    for finding in findings:
        output.note(f"{finding.verdict:<4}  {finding.what}: {finding.found}", hanging=6)
        for line in finding.advice.splitlines():
            output.note(f"        {line}", hanging=8)
    output.note(
        f"{counted(len(findings), 'finding')}, {counted(verdicts.count('warn'), 'warning')}, "
        f"{counted(verdicts.count('fail'), 'failure')}"
    )
    return ExitStatus.FAILED if "fail" in verdicts else ExitStatus.OK
