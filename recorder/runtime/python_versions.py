"""What Python 3.10 lacks of the standard library; a trainer runs with it, workers and servers need 3.11."""

from __future__ import annotations

import sys

__all__ = ["UTC", "StrEnum"]

if sys.version_info >= (3, 11):
    from datetime import UTC
    from enum import StrEnum
else:
    from datetime import timezone
    from enum import Enum

    UTC = timezone.utc

    class StrEnum(str, Enum):
        """Members are texts, and print as such."""

        __str__ = str.__str__
