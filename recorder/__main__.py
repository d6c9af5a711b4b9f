"""``hamlet-recorder COMMAND`` and ``python -m recorder COMMAND``: fixes the import path, then runs the command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from recorder.runtime.search_path import leave_out_current_folder

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments after the program's name; None takes this process's.

    Returns:
        The exit status (``ExitStatus``).
    """
    leave_out_current_folder()
    from recorder.commands.command_line import run  # lazy: a file in the current folder must not hide its modules

    return run(list(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(main())
