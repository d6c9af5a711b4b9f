"""What trainers have left on this machine that no server has."""

from __future__ import annotations

from collections.abc import Iterator

from recorder.black_box.places import recover_command
from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.commands.terminal.output import human_bytes
from recorder.sender.files import SET_ASIDE_SUFFIX
from recorder.sender.recovery import BoxState, find_boxes, folders
from recorder.settings import Settings

__all__ = ["check_black_boxes"]


def check_black_boxes(settings: Settings, _redis: FoundRedis) -> Iterator[Finding]:
    """A line for each black box whose trainer and sender are gone, or that can't be read."""
    places = folders(settings.capture.black_box_dir, settings.local_recordings_dir)
    n_in_use = 0
    is_well = True
    for box in find_boxes(places):
        n_in_use += box.state is BoxState.IN_USE
        if box.state is BoxState.ABANDONED:
            is_well = False
            yield Finding(
                "warn",
                "black box",
                f"run {box.run_id}: its trainer (pid {box.pid}) is gone, up to {human_bytes(box.n_bytes)} of its steps wait",
                f"a worker of its Redis on this machine sends them, or: {recover_command(box.path, box.server)}",
            )
        elif box.state is BoxState.UNREADABLE:
            is_well = False
            yield Finding("warn", "black box", box.why, "hamlet-recorder recover sets it aside")
    for path in [path for folder in places if folder.is_dir() for path in folder.glob(f"*.blackbox{SET_ASIDE_SUFFIX}")]:
        is_well = False
        yield Finding("warn", "black box", f"can't be read and was set aside: {path}", "look at it, then delete it")
    if is_well:
        yield Finding("ok", "black boxes", f"{n_in_use} in use, none abandoned")
