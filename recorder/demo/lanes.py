"""The frame of the demo's training loops: the open episode of each lane, its end, the pace, and what is reported."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from recorder.capture import EpisodeRecorder
from recorder.demo.agent import TableAgent
from recorder.demo.curriculum import Curriculum
from recorder.demo.result import Tally, TrainingProgress, TrainingResult
from recorder.demo.world import MAX_STEPS, PLACES, STAGES, TownStage, World
from recorder.episode import EpisodeMetadata, EpisodeStatus

__all__ = ["Lanes", "OnProgress"]

_PROGRESS_INTERVAL_SECS = 5.0
_ROUNDS_PER_SECOND = 250
"""At full speed, learning would finish before you can open the page."""

OnProgress = Callable[[TrainingProgress], None]


class Lanes:
    """One open episode a lane.

    Args:
        recorder: receives the end of each episode; the caller closes it.
        world: what its lanes show.
        agent: who acts in all of them.
        n_lanes: number of lanes.
        on_progress: called every five seconds, and at the end.

    Attributes:
        episode_ids, steps: int64[n_lanes], of the open episodes.
        epsilon: of the actions of this round.
        tally: counts steps, and the time in the recorder's calls.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder,
        world: World,
        agent: TableAgent,
        n_lanes: int,
        on_progress: OnProgress | None,
    ) -> None:
        self.episode_ids, self.steps = np.arange(n_lanes), np.zeros(n_lanes, dtype=np.int64)
        self.epsilon = agent.epsilon
        self.tally = Tally()
        self._recorder = recorder
        self._world = world
        self._agent = agent
        self._curriculum = Curriculum(MAX_STEPS, STAGES)
        self._stages: list[TownStage] = [self._curriculum.stage] * n_lanes
        self._next_episode_id, self._n_rounds = n_lanes, 0
        self._on_progress = on_progress
        self._reported, self._reported_steps = 0.0, -1

    @property
    def stage(self) -> TownStage:
        """Of new episodes."""
        return self._curriculum.stage

    @property
    def intrinsic_weights(self) -> npt.NDArray[np.float32]:
        """float32[n_lanes]: of the open episodes' stages."""
        return np.array([stage.intrinsic_weight for stage in self._stages], dtype=np.float32)

    def begin_round(self) -> None:
        """A step of every lane follows."""
        self.epsilon = self._agent.epsilon

    def end(self, lane: int) -> None:
        """A lane's episode is over, and its next one begins, in the curriculum's stage."""
        episode_id, n_steps = int(self.episode_ids[lane]), int(self.steps[lane])
        if self.tally.count_episode(n_steps):
            with self.tally.recording:
                # RECORDER: criteria select episodes; this keeps one for a custom reason.
                self._recorder.keep(episode_id, "longest_life")
        self._finish(lane, EpisodeStatus.COMPLETE)
        self._curriculum.episode_ended(episode_id, stage=self._stages[lane], survival_steps=n_steps)
        self.episode_ids[lane], self.steps[lane] = self._next_episode_id, 0
        self._stages[lane] = self.stage
        self._next_episode_id += 1

    def end_round(self) -> None:
        """Wait until the time of the round is over, and report now and then."""
        self._n_rounds += 1
        with self.tally.waiting:
            time.sleep(max(0.0, self._n_rounds / _ROUNDS_PER_SECOND - self.tally.seconds))
        if self.tally.seconds - self._reported >= _PROGRESS_INTERVAL_SECS:
            self._report()

    def close(self) -> TrainingResult:
        """The end of the run cuts off the open episodes."""
        for lane in self.steps.nonzero()[0].tolist():
            self._finish(lane, EpisodeStatus.TRUNCATED)
        if self._reported_steps != self.tally.env_steps:
            self._report()
        return self.tally.result(self._curriculum)

    def _finish(self, lane: int, status: EpisodeStatus) -> None:
        stage = self._stages[lane]
        visits = np.array_split(self._world.visits, len(self.steps))[lane].sum(0)  # a lane may have several agents
        with self.tally.recording:
            # RECORDER: the episode's end, with metadata that only the trainer has.
            self._recorder.finish_episode(
                int(self.episode_ids[lane]),
                EpisodeMetadata(
                    episode_id=int(self.episode_ids[lane]),
                    lane=lane,
                    survival_steps=int(self.steps[lane]),
                    curriculum_stage=stage.number,
                    epsilon=self.epsilon,
                    intrinsic_weight=stage.intrinsic_weight,
                    affordance_layout=self._world.layout,
                    affordance_visits=dict(zip(PLACES, visits.tolist(), strict=False)),
                    env_steps=self.tally.env_steps,
                    status=status,
                ),
            )

    def _report(self) -> None:
        self._reported, self._reported_steps = self.tally.seconds, self.tally.env_steps
        if self._on_progress is not None:
            self._on_progress(self.tally.progress(stage=self.stage.number, epsilon=self._agent.epsilon))
