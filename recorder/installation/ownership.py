"""Whose a server's keys are: one installation a prefix."""

from __future__ import annotations

import logging

from recorder.errors import StreamError, StreamFullError
from recorder.installation.record import Installation, what_became_of
from recorder.step_stream import StepStream

__all__ = ["check_owner", "read_owner", "take_ownership"]

_log = logging.getLogger(__name__)


def read_owner(stream: StepStream) -> Installation | None:
    """Whose the server's keys are; None while no worker has come.

    Raises:
        StreamUnavailableError: the server can't be reached.
    """
    held = stream.owner()
    return None if held is None else Installation.from_bytes(held)


def check_owner(stream: StepStream, ours: Installation) -> None:
    """See that the server's keys are not another installation's.

    Raises:
        StreamError: they are; names both.
        StreamUnavailableError: the server can't be reached.
    """
    owner = read_owner(stream)
    if owner is not None and owner.is_another_than(ours):
        raise StreamError(
            f"the server's keys belong to another installation: its workers record into the catalog {owner.catalog}, this one "
            f"into {ours.catalog}. Give each a server of its own, or a prefix (recording.redis.key_prefix). If this catalog is "
            f"to take the other's place for good, delete the key {stream.owner_key}: {stream.where}"
        )


def take_ownership(stream: StepStream, ours: Installation, *, even_anothers: bool, renames: bool = True) -> None:
    """Note on the server whose its keys are.

    Args:
        even_anothers: of a server that is known to be the folder's own, whatever was copied along with its data.
        renames: note our catalog's name in the place of the name that it had, on another machine or before it was moved.

    Raises:
        StreamError: they are another installation's.
        StreamUnavailableError: the server can't be reached.
    """
    try:
        stream.set_owner(ours.to_bytes(), replace=False)
        owner = read_owner(stream)
        if owner == ours or (owner is not None and not renames and owner.installation_id == ours.installation_id):
            return
        if not even_anothers:
            check_owner(stream, ours)
        if owner is not None and owner.installation_id != ours.installation_id:
            _log.warning(
                "the catalog %s; what Redis holds goes into the new one: %s",
                what_became_of(owner, ours),
                stream.where,
            )
        stream.set_owner(ours.to_bytes(), replace=True)
    except StreamFullError:
        check_owner(stream, ours)  # there is no room to note anything; workers make some, and come again
