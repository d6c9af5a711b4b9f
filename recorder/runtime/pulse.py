"""Reads the pulse file of a worker on this machine."""

from __future__ import annotations

import json
import time
from pathlib import Path

__all__ = ["STALE_SECS", "read_pulse"]

STALE_SECS = 60.0
"""Age at which a pulse means a dead or blocked worker; longer than any wait for an answer."""


def read_pulse(file: Path, *, max_age_secs: float = STALE_SECS) -> tuple[bool, list[str]]:
    """Read a worker's state.

    Returns:
        Whether it is alive, and the reasons why it is not ready.
    """
    try:
        age_secs = time.time() - file.stat().st_mtime
        pulse = json.loads(file.read_bytes())
    except FileNotFoundError:
        return False, [f"no pulse file: no worker runs, or it has no --pulse-file: {file}"]
    except (OSError, ValueError) as error:
        return False, [f"the pulse can't be read ({error}): {file}"]
    if age_secs > max_age_secs:
        return False, [f"the worker's pulse is {age_secs:.0f} seconds old: {file}"]
    unwell = pulse.get("unwell") if isinstance(pulse, dict) else None
    return True, list(map(str, unwell)) if isinstance(unwell, list) else []
