"""What a client may read of an error: no path and no URL of the server. Its log has the whole message."""

from __future__ import annotations

import logging
import re

from recorder.errors import RecorderError, shortened
from recorder.runtime.throttled_log import Throttle

__all__ = ["hide_places", "public_message"]

logger = logging.getLogger(__name__)

_LOG_EVERY_SECS = 5.0

_PLACE_AT_END = re.compile(r":\s+(?:[a-z][a-z0-9+.-]*://|/(?!\s)|[A-Za-z]:[\\/]).*\Z", re.DOTALL)
"""Messages of this project end with the place; it may contain spaces."""
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+")
_PATH = re.compile(r"(?<![\w./~-])(?:[A-Za-z]:[\\/]|/)(?:[^\s/\\'\"<>:;,()]+[\\/])+[^\s'\"<>:;,()]*")
_HIDDEN = "…"

_throttle = Throttle(_LOG_EVERY_SECS)


def hide_places(text: str) -> str:
    """Return the text without absolute paths and URLs."""
    return _PATH.sub(_HIDDEN, _URL.sub(_HIDDEN, _PLACE_AT_END.sub("", text)))


def public_message(error: RecorderError) -> str:
    """Return the message of an error for a client; log the whole message if it names a place."""
    whole = str(error)
    public = hide_places(whole)
    if public != whole and _throttle.is_due(type(error).__name__):
        logger.warning("an answer left out where its error is: %s", whole)
    return shortened(public)
