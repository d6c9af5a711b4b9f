"""Python environments with exactly the packages of some extras, and programs run in them without root's rights."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.processes import ROOT
from tests.waiting import DEADLINE_SECS

__all__ = ["TargetEnvironment"]

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_OURS = canonicalize_name(_PROJECT["name"])

_WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"] if os.geteuid() == 0 else []
"""What root may do beyond others goes with its capabilities: such a process is refused what any user is refused."""


class TargetEnvironment:
    """A virtual environment that sees the packages of some extras, and no other.

    Args:
        folder: is made; holds the environment, a home that can be written, and ``app``, which can't.
        extras: of this project.
        wheel: this project's, installed with its scripts; None takes the packages from the source tree.
    """

    def __init__(self, folder: Path, extras: Sequence[str], *, wheel: Path | None = None) -> None:
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=DEADLINE_SECS
        )
        self.scripts = folder / "venv" / "bin"
        self._home = folder / "home"
        self._app = folder / "app"
        self._home.mkdir()
        self._app.mkdir()
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / "venv" / "lib" / version / "site-packages"
        for found in _closure(extras):
            for part in _top_level(found):
                place = packages / part.name
                if not place.exists():
                    place.symlink_to(part)
        if wheel is None:
            for name in ("recorder", "worker", "replay_server"):
                (packages / name).symlink_to(ROOT / name)
        else:
            self._install(f"{_OURS}[{','.join(extras)}] @ {wheel.as_uri()}")
        self._app.chmod(0o555)

    def _install(self, requirement: str) -> None:
        """Install without a network: whatever the requirement needs must be here already."""
        pip = [sys.executable, "-m", "pip", "--python", self.scripts / "python", "--disable-pip-version-check"]
        subprocess.run(
            [*pip, "install", "--quiet", "--no-compile", "--no-index", requirement], check=True, timeout=DEADLINE_SECS
        )

    def start(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> subprocess.Popen[bytes]:
        """Start a command of the image, whose first word is ``python``; the environment is this alone."""
        assert command[0] == "python", command
        variables = {
            "HOME": str(self._home),
            "PATH": os.defpath,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with output.open("ab") as file:
            return subprocess.Popen(
                [*_WITHOUT_RIGHTS, self.scripts / "python", *command[1:]],
                cwd=self._app,
                env={**variables, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def run(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> int:
        """Run a command to its end; returns its status."""
        process = self.start(command, environment, output)
        try:
            return process.wait(DEADLINE_SECS)
        finally:
            process.kill()
            process.wait()


def _closure(extras: Sequence[str]) -> list[Distribution]:
    """Every package that the extras bring, each once."""
    wanted = [Requirement(line) for line in _PROJECT["dependencies"]]
    wanted += [Requirement(line) for extra in extras for line in _PROJECT["optional-dependencies"][extra]]
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *sorted(requirement.extras)):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            if name == _OURS:
                lines = _PROJECT["optional-dependencies"][extra] if extra else []
            else:
                found[name] = distribution(name)
                lines = found[name].requires or []
            for each in map(Requirement, lines):
                if each.marker is None or each.marker.evaluate({"extra": extra}):
                    wanted.append(each)
    return list(found.values())


def _top_level(found: Distribution) -> set[Path]:
    """The folders and modules of a package in the folder that it is installed in."""
    names = {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}
    return {Path(str(found.locate_file(name))) for name in names}
