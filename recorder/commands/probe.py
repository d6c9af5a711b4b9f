"""Check whether a worker on this machine is alive, for the probes of Compose and Kubernetes.

The exit status is 0 if the worker's tick runs, 1 if not. A worker stays alive while Redis is unreachable or full. With
--ready, the worker must also be connected, and its last tick must have succeeded.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from recorder.commands.arguments.opening import settings_of
from recorder.commands.arguments.parsing import positive_number
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output
from recorder.errors import SettingsError
from recorder.runtime.pulse import STALE_SECS, read_pulse

EXAMPLE = """\
probe
probe --ready --pulse-file /run/worker.pulse"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ready", action="store_true", help="also check that the worker can work")
    parser.add_argument(
        "--pulse-file", metavar="FILE", help="the worker's pulse file (default: recording.worker.pulse_file)"
    )
    parser.add_argument(
        "--max-age-secs",
        type=positive_number,
        default=STALE_SECS,
        help=f"oldest update that counts as alive, in seconds (default: {STALE_SECS:g})",
    )


def run(args: argparse.Namespace) -> int:
    """Check the worker's pulse file.

    Raises:
        SettingsError: no pulse file is configured.
    """
    file = args.pulse_file or settings_of(args).worker.pulse_file
    if file is None:
        raise SettingsError(
            "no pulse file is configured: set recording.worker.pulse_file (HAMLET_RECORDER_WORKER__PULSE_FILE) "
            "for the worker and its probe, or pass --pulse-file to both"
        )
    is_alive, unwell = read_pulse(Path(file), max_age_secs=args.max_age_secs)
    is_well = is_alive and not (args.ready and unwell)
    output = Output.of(args)
    output.document({"is_alive": is_alive, "is_ready": is_alive and not unwell, "unwell": unwell})
    output.note("; ".join([("alive" if unwell else "ready") if is_alive else "dead", *unwell]))
    return ExitStatus.OK if is_well else ExitStatus.FAILED
