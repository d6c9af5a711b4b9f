"""The metadata that a recorder sends with an episode: what the trainer said, and what the steps add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from recorder.agents import pack_agents, read_agents
from recorder.episode import EpisodeMetadata, EpisodeStatus, Gap, return_of
from recorder.publish.identity import RunIdentity
from recorder.publish.play_state import PlayState

__all__ = ["EpisodeSummaries"]

_MAX_LANES = 4096
"""Whose stages are remembered; the worker that takes an episode of another lane looks its stage up."""


class EpisodeSummaries:
    """Makes the metadata of the episodes of one recorder.

    Args:
        identity: the run and this producer.
    """

    def __init__(self, identity: RunIdentity) -> None:
        self._identity = identity
        self._defaults = EpisodeMetadata.from_map(identity.defaults).to_map()
        self._stages: dict[int, int] = {}
        """The last stage of each lane."""

    def of(
        self,
        state: PlayState,
        given: Mapping[str, Any],
        status: EpisodeStatus,
        *,
        n_recorded_steps: int,
        now_secs: float,
    ) -> dict[str, Any]:
        """An episode as it stands, the way ``EpisodeMetadata.to_map`` writes it.

        Args:
            given: what the trainer said of it; it outweighs what the steps add up to. Of the ways to end, a trainer can say that
                it broke an episode off: ``truncated``.
            n_recorded_steps: of all episodes of this recorder so far.
            now_secs: seconds since 1970.

        Raises:
            UsageError: ``given`` holds what a field can't be.
        """
        metadata = dict(self._defaults)
        if given:
            metadata = EpisodeMetadata.from_map({**self._identity.defaults, **given}).to_map()
        if status is EpisodeStatus.COMPLETE and given.get("status") == EpisodeStatus.TRUNCATED:
            status = EpisodeStatus.TRUNCATED
        metadata |= {
            "episode_id": state.play.episode_id,
            "run_id": self._identity.run_id,
            "lane": state.lane,
            "status": str(status),
            "n_steps": state.n_steps,
            "gaps": [[gap.first_step, gap.end_step, gap.reason] for gap in _in_order(state.gaps)],
        }
        summed = {
            "started_unix_nanos": state.play.play_id * 1_000_000,
            "finished_unix_nanos": int(now_secs * 1e9),
            "timestamp": now_secs,
            "env_steps": n_recorded_steps,
            "survival_steps": state.next_step,
            "epsilon": state.last_epsilon,
            "extrinsic_reward": state.reward_sum,
            "intrinsic_reward": state.intrinsic_sum,
        }
        metadata |= {name: value for name, value in summed.items() if name not in given}
        if "total_reward" not in given:
            parts = metadata["extrinsic_reward"], metadata["intrinsic_reward"]
            metadata["total_reward"] = return_of(*parts, metadata["intrinsic_weight"])
        if state.agents.agents:
            metadata["agents"] = _with_returns(state, metadata)
        return metadata

    def settle_stage(self, metadata: dict[str, Any]) -> None:
        """Give an episode that has ended, and was cut off, the last known stage of its lane where it has none."""
        stage, lane = metadata["curriculum_stage"], metadata["lane"]
        if stage is not None:
            if lane in self._stages or len(self._stages) < _MAX_LANES:
                self._stages[lane] = stage
        elif metadata["status"] == EpisodeStatus.TRUNCATED:
            metadata["curriculum_stage"] = self._stages.get(lane)


def _with_returns(state: PlayState, metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The agents with their returns; those that the trainer gave outweigh the sums."""
    given = {agent.agent_id: agent for agent in read_agents(metadata.get("agents"))}
    return pack_agents(given.get(agent.agent_id, agent) for agent in state.agents.table(metadata["intrinsic_weight"]))


def _in_order(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """By first step; neighbours that are missing for one reason become one gap."""
    joined: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.first_step):
        if joined and joined[-1].end_step == gap.first_step and joined[-1].reason == gap.reason:
            joined[-1] = replace(joined[-1], end_step=gap.end_step)
        else:
            joined.append(gap)
    return tuple(joined)
