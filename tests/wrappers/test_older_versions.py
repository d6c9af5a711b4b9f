"""What CleanRL's scripts pin: Gymnasium 0.29, and Python 3.10 as far as another Python can tell."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import gymnasium
import pytest

from recorder.episode import EpisodeStatus
from recorder.step_stream import RedisStepStream
from tests.capture.recorded import finished_episodes
from tests.processes import ROOT, run_python
from tests.wrappers.conformance import assert_are_lives
from tests.wrappers.older_trainer import N_LANES

OLD_GYMNASIUM = Path(gymnasium.__file__).parents[4] / "gymnasium-0.29"
"""Where ``make setup`` puts it, beside the environment's own."""

NEW_IN_3_11 = {
    "datetime": {"UTC"},
    "enum": {"StrEnum", "ReprEnum", "EnumType", "verify", "member", "nonmember"},
    "typing": {
        "Self",
        "Never",
        "LiteralString",
        "NotRequired",
        "Required",
        "Unpack",
        "assert_never",
        "assert_type",
        "reveal_type",
    },
    "tomllib": {"load", "loads"},
    "contextlib": {"chdir"},
    "hashlib": {"file_digest"},
    "asyncio": {"TaskGroup", "Runner", "timeout"},
}


def test_gymnasium_0_29_is_recorded_and_the_trainer_needs_nothing_of_python_3_11(redis_url: str) -> None:
    if not OLD_GYMNASIUM.exists():
        pytest.fail(f"make setup puts Gymnasium 0.29 there: {OLD_GYMNASIUM}")
    paths = os.pathsep.join([str(OLD_GYMNASIUM), str(ROOT)])
    script = ROOT / "tests" / "wrappers" / "older_trainer.py"
    status, output = run_python([str(script), redis_url], environment={"PYTHONPATH": paths})
    assert status == 0, output
    told = json.loads(output.strip().splitlines()[-1])
    assert told["gymnasium"].startswith("0.29.")
    stream = RedisStepStream(redis_url, purpose="worker")
    for run_id in ("sync", "async"):
        ended = sorted(finished_episodes(stream, run_id).items())
        lanes = [[one for _, one in ended if one.metadata.lane == lane] for lane in range(N_LANES)]
        assert_are_lives(lanes, has_masks=True)
    alone = finished_episodes(stream, "single").values()
    stream.close()
    assert [(one.metadata.status, one.metadata.info["seed"] is None) for one in alone] == [
        (EpisodeStatus.COMPLETE, False)
    ] * 2
    assert {name: found for name in told["loaded"] if (found := newer_names_in(name))} == {}


def newer_names_in(module: str) -> list[str]:
    """What a module imports that Python 3.10 lacks, outside of what only type checkers or newer versions read."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not path.exists():
        return []
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))
    guarded = {id(inner) for node in tree.body if isinstance(node, ast.If) for inner in ast.walk(node)}
    return [
        f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and id(node) not in guarded
        for name in node.names
        if name.name in NEW_IN_3_11.get(node.module or "", ())
    ]
