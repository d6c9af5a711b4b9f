"""Whose steps a black box holds: they belong to one server and one key prefix, and must not be sent elsewhere unasked."""

from __future__ import annotations

import logging

from recorder.black_box.places import default_folder, recover_command
from recorder.errors import UsageError
from recorder.sender.recovery import FoundBox, note_named
from recorder.step_stream import RedisStepStream, StepStream

__all__ = ["check_same_server", "is_for"]

_log = logging.getLogger(__name__)


def check_same_server(box: FoundBox, stream: StepStream) -> None:
    """Refuse what a trainer sent elsewhere.

    A box below the recordings belongs to them whatever its server's address was: that of an embedded one changes.

    Raises:
        UsageError: it is another server's.
    """
    prefix = stream.key_prefix if isinstance(stream, RedisStepStream) else ""
    is_of_recordings = box.path.parent == default_folder(box.path.parent.parent)
    if box.key_prefix != prefix or not (is_of_recordings or _place_of(box.server) == _place_of(stream.where)):
        raise UsageError(
            f"its trainer sent to {box.server or 'no server'}, key prefix {box.key_prefix!r}, not to {stream.where}, key prefix "
            f"{prefix!r}; run: {recover_command(box.path, box.server)}"
        )


def is_for(box: FoundBox, stream: StepStream) -> bool:
    """Whether a box is for this server. One that waits for another server is named in the log once, whichever trainer or worker
    finds it first; ``doctor`` lists it until somebody acts."""
    try:
        check_same_server(box, stream)
    except UsageError as error:
        if not box.is_named:
            note_named(box.path)
            _log.warning("the black box of an earlier trainer waits for another Redis: %s", error)
        return False
    return True


def _place_of(where: str) -> str:
    """A server's address without the user, and without what says the same in other words."""
    scheme, _, rest = where.partition("://")
    host = rest.rpartition("@")[2].removesuffix("/").removesuffix("/0")
    return f"{scheme}://{host.replace('localhost', '127.0.0.1', 1)}"
