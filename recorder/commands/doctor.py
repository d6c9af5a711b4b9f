"""Check packages, folders, catalog, Redis, queues and runs, and say what to do. The exit status is 1 if a check fails."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from recorder.commands.arguments.opening import settings_of
from recorder.commands.checks import CHECKS, find_redis
from recorder.commands.checks.finding import Verdict
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output, counted

EXAMPLE = "doctor --config configs/cluster.yaml"


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
        output.verdict(finding.verdict, f"{finding.what}: {finding.found}", width=4)
        for line in finding.advice.splitlines():
            output.note(f"        {line}", hanging=8)
    output.note(_summary(verdicts))
    return ExitStatus.FAILED if "fail" in verdicts else ExitStatus.OK


def _summary(verdicts: Sequence[Verdict]) -> str:
    n_warnings, n_failures = verdicts.count("warn"), verdicts.count("fail")
    passed = f"{counted(verdicts.count('ok'), 'check')} passed"
    if not n_warnings and not n_failures:
        return passed
    return f"{passed}, {counted(n_warnings, 'warning')}, {n_failures} failed"
