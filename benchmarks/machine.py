"""The machine and the versions that a table of figures comes from."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from recorder.errors import RecorderError
from recorder.redis_server.embedded import find_server_binary

__all__ = ["describe_machine"]

_PACKAGES = ("numpy", "torch", "msgpack", "lz4", "redis", "celery", "sqlalchemy")


def describe_machine() -> str:
    """One line: processor, cores, memory, system, Python, packages, load."""
    parts = [
        f"{_cpu_model()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB",
        f"{platform.system()} {platform.release().split('-')[0]}",
        f"Python {sys.version.split()[0]}",
        ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        _server(),
        f"load {os.getloadavg()[0]:.1f} at the start",
    ]
    return "; ".join(parts)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _server() -> str:
    try:
        return find_server_binary().name
    except RecorderError:
        return "no server"
