"""The page on Gymnasium is true: its snippets record what it says."""

from __future__ import annotations

import re

from recorder.step_stream import RedisStepStream
from tests.capture.recorded import finished_episodes
from tests.processes import ROOT, run_python

SNIPPETS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "gymnasium.md").read_text(), re.DOTALL)
ATARI_BANNER = re.compile(r"A\.L\.E: .*\n\[Powered by Stella\]\n")
"""What the games print when they begin."""
WARNINGS = ["-W", "error"]
ONE_AFTER_THE_OTHER = "import sys\nfor code in sys.argv[1:]: exec(code, {'__name__': '__main__'})"
"""Each as a program, in a process that loads Gymnasium and torch once."""


def test_the_snippets_record_as_printed(redis_url: str) -> None:
    snippets = [code.replace("redis://localhost:6379/0", redis_url) for code in SNIPPETS]
    status, output = run_python([*WARNINGS, "-c", ONE_AFTER_THE_OTHER, *snippets])
    assert (status, ATARI_BANNER.sub("", output)) == (0, "")
    stream = RedisStepStream(redis_url, purpose="worker")
    runs = ("cart-pole", "cart-poles", "ppo", "tilts", "breakout")
    single, vector, model, told, breakout = (finished_episodes(stream, run) for run in runs)
    stream.close()
    assert sorted(single) == [0, 1, 2]
    assert {ended.metadata.lane for ended in vector.values()} == set(range(8))
    for ended in [*single.values(), *vector.values(), *model.values()]:
        assert ended.metadata.info["env_id"] == "CartPole-v1"
        assert ended.metadata.info["seed"] is not None
        assert len(ended.metadata.info["reset_observation"]) == 4
        assert ended.episode.column("extras.observation").shape == (ended.metadata.n_steps, 4)
    assert all(ended.episode.has_column("extras.value") for ended in model.values())
    assert {ended.metadata.lane for ended in model.values()} == set(range(4))
    assert vector[0].metadata.info["seed"] == 1
    only = told[0]
    assert only.body["manual"] == ["episode_trigger"]
    assert only.metadata.info["solved"] in (True, False)
    assert (only.metadata.curriculum_stage, only.metadata.meter_names) == (2, ("tilt",))
    assert only.episode.column("position").tolist() == only.episode.column("extras.observation")[:, :1].tolist()
    assert set(only.episode.column("epsilon").tolist()) == {0.1}
    assert breakout[0].episode.column("extras.observation").shape == (20, 210, 160, 3)
