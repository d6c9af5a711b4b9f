"""The program's name, as help and messages print it."""

from __future__ import annotations

__all__ = ["PROGRAM"]

PROGRAM = "hamlet-recorder"
"""The script that the package installs. ``python -m recorder`` runs the same program."""
