"""The program ``hamlet-recorder``. It is a module outside the packages, so that a user's own ``recorder.py`` can't hide it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["main"]


def main() -> int:
    """Run the command line; return the exit status."""
    spec = find_spec("recorder")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    found = None if spec is None else spec.origin or next(iter(folders), None)
    # An editable install has this module elsewhere than the packages: the package is known by one of its modules.
    if found is not None and not any((Path(folder) / "runtime" / "search_path.py").is_file() for folder in folders):
        print(
            "error: hamlet-recorder needs its own package 'recorder', but found another one: rename it, or remove its folder "
            f"from PYTHONPATH: {found}",
            file=sys.stderr,
        )
        return 1
    from recorder.__main__ import main as run  # lazy: it could be the other one

    return run()
