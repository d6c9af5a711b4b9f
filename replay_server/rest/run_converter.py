"""Run ids in paths."""

from __future__ import annotations

from urllib.parse import quote

from werkzeug.routing import BaseConverter

__all__ = ["RunConverter"]

_MARK = "~"


class RunConverter(BaseConverter):
    """Any run id as one part of a path.

    An id that is empty or begins with ``.`` or ``~`` has a ``~`` in front: browsers would resolve ``..`` before they ask.
    """

    regex = ".+?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """The run id."""
        return value.removeprefix(_MARK)

    def to_url(self, value: str) -> str:
        """What stands in the path."""
        marked = _MARK + value if not value or value[0] in "~." else value
        return quote(marked, safe="")
