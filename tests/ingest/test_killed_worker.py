"""SIGKILL at every stage of a write: each kept episode exists exactly once and whole, and nothing is left over."""

from __future__ import annotations

import numpy as np
import pytest

from recorder.step_stream import RedisStepStream
from tests.episodes import make_columns
from tests.ingest.dying import STAGES, run_until_killed
from tests.ingest.rig import KEEP_ALL, RUN, Rig, work
from tests.ingest.trainer import Trainer

HALF = {"periodic": {"interval": 2}}
KEPT = [0, 2]


@pytest.fixture
def stream(redis_url: str) -> RedisStepStream:
    return RedisStepStream(redis_url)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("stage", "played"),
    [*((stage, KEPT) for stage in STAGES), *((stage, [*KEPT, 3]) for stage in ("drop", "mark"))],
    ids=[*STAGES, "drop of a skipped one", "mark of a skipped one"],
)
def test_a_worker_killed_at_any_stage_leaves_each_kept_episode_once_and_whole(
    rig: Rig, trainer: Trainer, redis_url: str, stage: str, played: list[int], moment: str
) -> None:
    for episode_id in played:
        trainer.play(episode_id, n_steps=40, seed=episode_id)
    assert run_until_killed(redis_url, str(rig.folder), HALF, stage, moment) == -9
    heir = rig.worker(HALF)
    work(heir)
    rig.late_secs = 61  # the dead worker's leases have run out
    work(heir)
    assert rig.recorded_ids() == KEPT
    for episode_id in KEPT:
        steps = make_columns(40, seed=episode_id)
        np.testing.assert_array_equal(rig.episode(episode_id).column("q_values"), steps["q_values"])
        assert rig.episode(episode_id).gaps == ()
        assert rig.row(episode_id).attempts <= 2
    decisions = {episode_id: decision for episode_id, (decision, _) in rig.decisions().items()}
    assert decisions == {episode_id: "kept" if episode_id in KEPT else "skipped" for episode_id in played}
    whole = [name for name in rig.files() if not name.startswith(f"{RUN}/.")]
    assert whole == [f"{RUN}/episode_000000.msgpack.lz4", f"{RUN}/episode_000002.msgpack.lz4"]
    assert rig.stream.episodes_held(RUN) == []
    assert rig.catalog.streams_to_drop(RUN) == []
    trainer.close()
    work(heir)
    work(heir)
    assert rig.n_unread() == 0


def test_a_worker_that_is_not_killed_passes_every_stage(rig: Rig, trainer: Trainer, redis_url: str) -> None:
    trainer.play(1)
    assert run_until_killed(redis_url, str(rig.folder), KEEP_ALL, "none", "ever") == 0
    assert rig.recorded_ids() == [1]
