"""Run ids in paths."""

from __future__ import annotations

from urllib.parse import quote

from werkzeug.routing import BaseConverter

__all__ = ["RunConverter"]

_MARK = "~"


class RunConverter(BaseConverter):
    """Any run id as one part of a path.

    An id that is empty or begins with ``.`` or ``~`` gets a ``~`` in front, because browsers resolve ``..`` before they
    send.
    """

    regex = ".+?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """Return the run id."""
        return value.removeprefix(_MARK)

    def to_url(self, value: str) -> str:
        """Return the part of the path."""
        marked = _MARK + value if not value or value[0] in "~." else value
        return quote(marked, safe="")
