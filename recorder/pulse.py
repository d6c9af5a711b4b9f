"""The pulse of a worker on this machine, as its file tells it; who writes it is the worker."""

from __future__ import annotations

import json
import time
from pathlib import Path

__all__ = ["STALE_SECS", "read_pulse"]

STALE_SECS = 60.0
"""A pulse older than this is that of a worker that is dead, or stands still. Longer than any wait for a server's answer."""


def read_pulse(file: Path, *, max_age_secs: float = STALE_SECS) -> tuple[bool, list[str]]:
    """Look at a worker.

    Returns:
        Whether it is alive; what keeps it from being ready, nothing when it is.
    """
    try:
        age_secs = time.time() - file.stat().st_mtime
        said = json.loads(file.read_bytes())
    except FileNotFoundError:
        return False, [f"there is no pulse: no worker runs, or it was not told to write one: {file}"]
    except (OSError, ValueError) as error:
        return False, [f"the pulse can't be read ({error}): {file}"]
    if age_secs > max_age_secs:
        return False, [f"the worker's last sign of life is {age_secs:.0f} seconds old: {file}"]
    unwell = said.get("unwell") if isinstance(said, dict) else None
    return True, list(map(str, unwell)) if isinstance(unwell, list) else []
