"""Reads and checks the fields of a client's message, and names who handles messages. An error says what was expected."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from recorder.errors import (
    CatalogError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    RecorderError,
    RecordingNotFoundError,
    StorageError,
    StreamCorruptError,
    StreamError,
    UsageError,
)
from recorder.values.json_text import from_json
from replay_server.memory import BusyError

__all__ = ["Handler", "Message", "MessageError", "Session", "error_code", "parse_message"]

_MAX_SHOWN = 60
_MAX_RUN_ID = 1024
MAX_EPISODE_ID = 2**63 - 1


class MessageError(RecorderError):
    """A message is refused; ``code`` is one of PROTOCOL.md's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Message:
    """One message of a client.

    Args:
        body: the JSON object.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        name = body.get("type", body.get("command"))
        if not isinstance(name, str):
            raise MessageError("bad_message", f"expected a text under 'type' or 'command', found {_shown(name)}")
        self.type = name

    @property
    def id(self) -> int | None:
        """The stream's id, if the message has one."""
        value = self.body.get("id")
        return value if type(value) is int and 0 <= value < 2**16 else None

    def integer(self, name: str, default: int | None = None, *, least: int = 0, most: int = MAX_EPISODE_ID) -> int:
        """Return an integer field; a number such as ``7.0`` is accepted.

        Raises:
            MessageError: it is missing without a default, not an integer, or out of range.
        """
        value = self.body.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int or not least <= value <= most:
            raise MessageError(
                "bad_message",
                f"{self.type}: expected {name!r} to be an integer from {least} to {most}, found {_shown(value)}",
            )
        return value

    def optional_integer(self, name: str, *, least: int = 0) -> int | None:
        """Return an integer field that may be missing or null.

        Raises:
            MessageError: it is not an integer.
        """
        return None if self.body.get(name) is None else self.integer(name, least=least)

    def number(self, name: str, *, least: float = -math.inf, most: float = math.inf) -> float:
        """Return a finite number.

        Raises:
            MessageError: it is missing, not a number, or out of range.
        """
        value = self.body.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(_as_float(value)) or not least <= _as_float(value) <= most:
            raise MessageError(
                "bad_message",
                f"{self.type}: expected {name!r} to be a number from {least:g} to {most:g}, found {_shown(value)}",
            )
        return _as_float(value)

    def optional_number(self, name: str) -> float | None:
        """Return a finite number that may be missing or null.

        Raises:
            MessageError: it is not a number.
        """
        return None if self.body.get(name) is None else self.number(name)

    def optional_text(self, name: str, *, longest: int = _MAX_RUN_ID) -> str | None:
        """Return a text that may be missing or null.

        Raises:
            MessageError: it is not a text, or too long.
        """
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > longest or not _is_encodable(value):
            raise MessageError(
                "bad_message",
                f"{self.type}: expected {name!r} to be a text of at most {longest} characters, found {_shown(value)}",
            )
        return value

    def nested(self, name: str) -> Message:
        """Return the object under ``name``, or this message if there is none.

        Raises:
            MessageError: it is not an object.
        """
        value = self.body.get(name)
        if value is None:
            return self
        if not isinstance(value, dict):
            raise MessageError("bad_message", f"{self.type}: expected {name!r} to be an object, found {_shown(value)}")
        return Message({**value, "type": self.type})


Handler = Callable[[Message], Awaitable[None]]
"""Handles one type of message."""


def parse_message(text: str) -> Message:
    """Parse a client's text.

    Raises:
        MessageError: it is not a message.
    """
    try:
        body = from_json(text)
    except ValueError as error:
        raise MessageError("bad_message", f"expected JSON: {error}") from error
    if not isinstance(body, dict):
        raise MessageError("bad_message", f"expected a JSON object, found {_shown(body)}")
    return Message(body)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_encodable(text: str) -> bool:
    """Replace halves of surrogate pairs, which JSON may contain but no database or file name can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = ascii(value) if isinstance(value, str) else f"{type(value).__name__} {value!a}"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def error_code(error: RecorderError) -> str:
    """Return the code of an error."""
    match error:
        case MessageError():
            return error.code
        case RecordingNotFoundError():
            return "not_found"
        case EpisodeFileTooLargeError():
            return "too_large"
        case EpisodeFileError() | StorageError() | StreamCorruptError():
            return "unreadable"
        case UsageError():
            return "bad_message"
        case CatalogError() | StreamError() | BusyError():
            return "unavailable"
        case _:
            return "internal"


class Session(Protocol):
    """Handles a connection's messages."""

    def opened(self) -> None:
        """Called when messages can be sent."""

    async def receive(self, text: str) -> None:
        """Handle one message; must not raise."""

    def refuse(self, code: str, message: str) -> None:
        """Answer a message that is not handled."""

    def writable(self) -> None:
        """Called when the unsent bytes have been sent."""

    def is_busy(self) -> bool:
        """Whether it plays or follows anything."""

    def closed(self) -> None:
        """Called when the connection is gone."""
