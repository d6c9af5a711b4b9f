"""Number formats of the page, videos, HTML files and the command line.

The page cannot call this module. ``page/shell/numbers.js`` has the same functions and reads ``DECIMALS`` from
``page/shell/looks.js``; a test compares both.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal

__all__ = [
    "DECIMALS",
    "format_change",
    "format_count",
    "format_duration",
    "format_meter",
    "format_number",
    "format_value",
]

DECIMALS = {"return": 2, "reward": 3, "epsilon": 3, "weight": 3, "q_value": 2, "value": 3, "meter": 2}
"""Decimals by what a number is. They are fixed, so that a number does not jump from step to step."""

_LARGEST = 1e7
"""Numbers from here on are written with an exponent."""

_MINUS = "−"
_QUANTA = [Decimal(1).scaleb(-decimals) for decimals in range(8)]
_ONE_DECIMAL = Context(prec=2, rounding=ROUND_HALF_UP)


def format_number(value: float | None, decimals: int = DECIMALS["return"]) -> str:
    """Return ``−0.50``, ``1.2e+7`` or ``∞``; ``—`` for None and NaN."""
    if value is None or math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    size = abs(value)
    if size >= _LARGEST or 0 < size < 0.5 * 10.0**-decimals:
        mantissa, _, exponent = f"{_ONE_DECIMAL.create_decimal_from_float(size):.1e}".partition("e")
        text = f"{mantissa}e{int(exponent):+d}"
    else:
        text = str(Decimal(size).quantize(_QUANTA[decimals], ROUND_HALF_UP))
    return f"{_MINUS}{text}" if value < 0 and float(text) else text


def format_change(value: float | None, decimals: int = DECIMALS["reward"]) -> str:
    """Return the number with its sign, such as ``+0.500``."""
    text = format_number(value, decimals)
    return f"+{text}" if value is not None and value > 0 else text


def format_value(value: float) -> str:
    """Return a number of unknown kind, such as a component of an observation; an integer has no decimals."""
    return format_number(value, 0 if float(value).is_integer() else DECIMALS["value"])


def format_meter(value: float | None, low: float, high: float) -> str:
    """Return a meter's value; in percent if the meter ranges from 0 to 1."""
    if (low, high) == (0.0, 1.0) and value is not None and math.isfinite(value):
        return f"{math.floor(value * 100 + 0.5)}%"
    return format_number(value, DECIMALS["meter"])


def format_duration(secs: float) -> str:
    """Return a time span in a suitable unit: ``90`` is ``1.5 min``."""
    for limit, divisor, unit in ((60.0, 1.0, "s"), (3600.0, 60.0, "min"), (86400.0, 3600.0, "h")):
        if abs(secs) < limit:
            return f"{secs / divisor:.3g} {unit}"
    return f"{secs / 86400.0:.3g} d"


def format_count(value: int) -> str:
    """Return ``12,345``."""
    return f"{value:,}"
