"""The owner of the keys in Redis: one installation per prefix."""

from __future__ import annotations

import logging

from recorder.errors import StreamError, StreamFullError
from recorder.installation.record import Installation, describe_replacement
from recorder.step_stream import StepStream

__all__ = ["check_owner", "read_owner", "take_ownership"]

_log = logging.getLogger(__name__)


def read_owner(stream: StepStream) -> Installation | None:
    """The owner of the keys; None before the first worker.

    Raises:
        StreamUnavailableError: Redis can't be reached.
    """
    held = stream.owner()
    return None if held is None else Installation.from_bytes(held)


def check_owner(stream: StepStream, ours: Installation) -> None:
    """Check that the keys do not belong to another installation.

    Raises:
        StreamError: they do; the message names both.
        StreamUnavailableError: Redis can't be reached.
    """
    owner = read_owner(stream)
    if owner is not None and owner.differs_from(ours):
        raise StreamError(
            f"the keys in Redis belong to another installation: its workers record into the catalog {owner.catalog}, this one "
            f"into {ours.catalog}. Give each its own Redis or prefix (recording.redis.key_prefix). If this catalog replaces "
            f"the other for good, delete the key {stream.owner_key}: {stream.where}"
        )


def take_ownership(stream: StepStream, ours: Installation, *, replaces_other: bool, renames: bool = True) -> None:
    """Store the owner of the keys.

    Args:
        replaces_other: replace another owner, because this Redis is known to belong to the folder, perhaps with copied
            data.
        renames: update the catalog's name after it was moved.

    Raises:
        StreamError: the keys belong to another installation.
        StreamUnavailableError: Redis can't be reached.
    """
    try:
        stream.set_owner(ours.to_bytes(), replace=False)
        owner = read_owner(stream)
        if owner == ours or (owner is not None and not renames and owner.installation_id == ours.installation_id):
            return
        if not replaces_other:
            check_owner(stream, ours)
        if owner is not None and owner.installation_id != ours.installation_id:
            _log.warning(
                "the catalog %s; what Redis holds goes into the new one: %s",
                describe_replacement(owner, ours),
                stream.where,
            )
        stream.set_owner(ours.to_bytes(), replace=True)
    except StreamFullError:
        check_owner(stream, ours)  # no space to store it; retried after workers have freed some
