"""Black boxes as trainers leave them, made by hand."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from recorder.black_box import Ring
from recorder.black_box.places import new_path

SMALLEST_BYTES = 2**20

HOLDER = """
import sys, time
from pathlib import Path
from recorder.black_box import Ring
ring = Ring.open(Path(sys.argv[1]))
ring.lock_as_trainer() if sys.argv[2] == "trainer" else ring.lock_as_sender()
print("held", flush=True)
time.sleep(600)
"""
"""Holds the lock of the box that its first argument names, as trainer or as sender."""


def identity(run_id: str = "run", **more: Any) -> dict[str, Any]:
    """What a trainer writes of itself."""
    return {
        "run_id": run_id,
        "producer_id": "aabbccdd",
        "resumed": False,
        "defaults": {},
        "info": {"config": None, "started_unix_nanos": 1},
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "key_prefix": "hamlet:",
        "redis": "redis://127.0.0.1:1/0",
        **more,
    }


def leave_box(folder: Path, run_id: str = "run", **more: Any) -> Path:
    """An empty ring whose trainer is gone."""
    ring = hold_box(folder, run_id, **more)
    assert ring.path is not None
    ring.close()
    return ring.path


def hold_box(folder: Path, run_id: str = "run", **more: Any) -> Ring:
    """A ring whose trainer is this process."""
    return Ring.create(new_path(folder, run_id), capacity=SMALLEST_BYTES, identity=identity(run_id, **more))
