"""``Outline``: what happened in an episode, found while its steps arrive; and a recording described without its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import parse_agent_column
from recorder.chunk import Chunk
from recorder.episode import EpisodeMetadata, Gap
from recorder.episode_file import Episode
from recorder.outline.agents import AgentsOutline
from recorder.outline.dull_spans import DullSpans, Span, united
from recorder.outline.looks import kind_of, number_affordances
from recorder.outline.markers import (
    LONGEST_CRITICAL_BREAK,
    MAX_MARKERS,
    AffordanceUses,
    LowMeters,
    Marker,
    MarkerFinder,
    RewardExtremes,
    UnsureChoices,
    has_intrinsic,
    thin_markers,
)
from recorder.outline.meter_levels import MeterRanges
from recorder.outline.overview import Overview
from recorder.outline.scene import Bounds, Scene
from recorder.outline.step_columns import StepColumns, Stretches, unusual_numbers
from recorder.schema import EpisodeSchema
from recorder.wording import reason_in_words

__all__ = ["Outline", "chunk_rows", "describe_recording"]

_UNKNOWN_REASON = "dropped"
"""Reason of a gap until the episode ends, which brings the true reason."""


_STEPS_AT_ONCE = 4096
"""Steps of a recording per call of ``add``, to limit memory."""


class Outline:
    """Markers, gaps, dull spans, overview, bounds, meter ranges and agents of an episode.

    For a recording, call ``of``. For a live episode, call ``add_chunk`` for each chunk, then ``close``. The division into
    calls does not change the result.

    Args:
        metadata, schema, affordances: from the episode's header.
    """

    def __init__(
        self, metadata: EpisodeMetadata, schema: EpisodeSchema, affordances: Mapping[str, Sequence[float]]
    ) -> None:
        self.scene = Scene.of(metadata, schema, affordances)
        self.n_steps = 0
        self.reward_so_far = 0.0
        self.intrinsic_so_far = 0.0
        self._metadata = metadata
        self.has_intrinsic = False
        self.bounds = Bounds(self.scene.substrate, self.scene.affordances)
        self._ranges = MeterRanges(len(self.scene.meter_names))
        self._overview = Overview(len(self.scene.meter_names))
        self._dull = DullSpans()
        self._stretches = Stretches()
        self._markers: list[Marker] = []
        self._rewards = RewardExtremes()
        self._gaps: Sequence[Gap] | None = None
        self._closing: list[Marker] = []
        fields = {place[1] for spec in schema.columns if (place := parse_agent_column(spec.name)) is not None}
        self.agents = AgentsOutline(
            self.scene, self._ranges, self.bounds, has_progress="interaction_progress" in fields
        )
        has_progress = schema.index("interaction_progress") is not None
        self._low = LowMeters(self.scene.meter_names, self._ranges)
        self._finders: tuple[MarkerFinder, ...] = (
            self._low,
            AffordanceUses(self.scene.affordances, self.scene.action_names, has_progress=has_progress),
            UnsureChoices(),
        )

    @classmethod
    def of(cls, episode: Episode, columns: StepColumns | None = None) -> Outline:
        """Outline of a recording.

        Args:
            columns: all its steps, if already decoded.

        Raises:
            EpisodeFileError: the file is damaged.
        """
        outline = cls(episode.metadata, episode.schema, episode.affordances)
        columns = StepColumns.of_episode(episode) if columns is None else columns
        if episode.metadata.agents:
            for chunk, _ in episode.chunks_between(0, columns.n_steps):
                outline.add_chunk(chunk, columns.between(outline.n_steps, outline.n_steps + chunk.n_steps))
        else:
            for start in range(0, columns.n_steps, _STEPS_AT_ONCE):
                outline.add(columns.between(start, start + _STEPS_AT_ONCE))
        outline.close(episode.metadata, episode.gaps)
        return outline

    @unusual_numbers()
    def add_chunk(self, chunk: Chunk, columns: StepColumns | None = None) -> None:
        """Add the next chunk, with its agents.

        Args:
            columns: the chunk's own steps, if already decoded.

        Raises:
            EpisodeFileError: the chunk is damaged.
        """
        columns = StepColumns.of_chunk(chunk) if columns is None else columns
        found = self.agents.add(chunk, self.n_steps) if columns.n_steps else []
        self._add(columns, found, self.agents.still)

    def add(self, columns: StepColumns) -> None:
        """Add the next steps, of an episode of one agent."""
        self._add(columns, [], None)

    @unusual_numbers()
    def _add(self, columns: StepColumns, of_agents: Sequence[Marker], still: NDArray[np.bool_] | None) -> None:
        if not columns.n_steps:
            return
        first = self.n_steps
        found = [marker for finder in self._finders for marker in finder.add(columns, first)]
        found += of_agents
        self._markers += found
        if len(self._markers) > 4 * MAX_MARKERS:  # limits memory for long episodes
            self._markers = thin_markers(self._markers, 2 * MAX_MARKERS)
        self._stretches.add(columns.step_numbers, first)
        self._dull.add(columns, first, {marker.index for marker in found}, still)
        self._rewards.add(columns.reward, first)
        self.has_intrinsic = self.has_intrinsic or has_intrinsic(self._metadata, columns.intrinsic_reward)
        rewards = self.reward_so_far + np.cumsum(columns.reward)
        intrinsic = self.intrinsic_so_far + np.cumsum(columns.intrinsic_reward)
        self._overview.add(first, rewards, intrinsic, columns.meters)
        if columns.position is not None:
            self.bounds.include(columns.position)
        self.reward_so_far, self.intrinsic_so_far = float(rewards[-1]), float(intrinsic[-1])
        self.n_steps += columns.n_steps

    def close(self, metadata: EpisodeMetadata, gaps: Sequence[Gap]) -> None:
        """Finish after the last step.

        Args:
            metadata: the final metadata.
            gaps: the final gaps, with their reasons.
        """
        self._gaps = gaps
        self._metadata = metadata
        self.agents.close(metadata)
        self.has_intrinsic = self.has_intrinsic or has_intrinsic(metadata, np.empty(0))
        if self.n_steps:
            self._closing = self._rewards.markers()
            self._closing.append(Marker(self.n_steps - 1, "end", f"end ({metadata.status})"))
            # Agents that end with the episode are no news.
            self._markers = [it for it in self._markers if it.kind != "died" or it.index < self.n_steps - 1]

    @property
    def gaps(self) -> Sequence[Gap]:
        """The missing steps known so far."""
        return self._stretches.gaps(_UNKNOWN_REASON) if self._gaps is None else self._gaps

    def markers(self, first_index: int = 0, end_index: int | None = None) -> list[Marker]:
        """At most ``MAX_MARKERS`` in ``first_index <= index < end_index``, in order."""
        end = self.n_steps if end_index is None else end_index
        found = [*self._markers, *self._closing, *(self._gap_marker(gap) for gap in self.gaps if self.n_steps)]
        return thin_markers([marker for marker in found if first_index <= marker.index < end])

    def dull(self, first_index: int = 0, end_index: int | None = None) -> list[Span]:
        """Spans that end after ``first_index`` and are dull for every agent, in order."""
        return self._between(self._dull.spans, first_index, end_index)

    def critical(self, first_index: int = 0, end_index: int | None = None) -> list[Span]:
        """The same of spans in which a meter is critical, of any agent."""
        spans = united([*self._low.spans, *self.agents.critical], LONGEST_CRITICAL_BREAK)
        return self._between(spans, first_index, end_index)

    def _between(self, spans: Sequence[Span], first_index: int, end_index: int | None) -> list[Span]:
        end = self.n_steps if end_index is None else end_index
        return [(start, min(stop, end)) for start, stop in spans if stop > first_index and start < end]

    def substrate(self) -> dict[str, Any]:
        """The space. A size that the trainer did not give is derived from positions and affordances."""
        given = self.scene.substrate
        high = [*self.bounds.high.tolist(), 1.0, 1.0]
        if not given["position_dim"]:
            return dict(given)
        reach = [int(top) for top in high[:2]]
        return {**given, "width": given["width"] or reach[0], "height": given["height"] or reach[1]}

    @unusual_numbers()
    def growth(self, first_index: int = 0, end_index: int | None = None) -> dict[str, Any]:
        """The part that more steps change, from an index on; the content of ``grown`` messages."""
        weight = self._metadata.intrinsic_weight
        return {
            **self.agents.to_map(weight, first_index, end_index),
            "gaps": [[gap.first_step, gap.end_step, gap.reason] for gap in self._gaps_between(first_index, end_index)],
            "markers": [marker.to_map() for marker in self.markers(first_index, end_index)],
            "dull": self.dull(first_index, end_index),
            "critical": self.critical(first_index, end_index),
            "overview": {
                **self._overview.to_map(weight, first_index, end_index),
                **self.agents.curves(weight, first_index, end_index),
            },
            "has_intrinsic": self.has_intrinsic,
            "bounds": self.bounds.to_map(),
            "meter_ranges": self._ranges.to_list(),
            "meter_levels": self._ranges.has_levels(),
        }

    def to_map(self, end_index: int | None = None) -> dict[str, Any]:
        """The whole outline for messages and HTML files; ``end_index`` limits a live episode."""
        scene = {**self.scene.to_map(), "substrate": self.substrate()}
        names = self.scene.affordances
        looks = {
            "affordance_numbers": number_affordances(names),
            "affordance_kinds": {name: kind_of(name) for name in names},
        }
        return {**scene, **looks, **self.growth(0, end_index)}

    def _gaps_between(self, first_index: int, end_index: int | None) -> list[Gap]:
        indexed = [(self._stretches.index_of(gap.first_step), gap) for gap in self.gaps]
        return [gap for at, gap in indexed if first_index <= at and (end_index is None or at < end_index)]

    def _gap_marker(self, gap: Gap) -> Marker:
        lost = "steps" if gap.n_steps is None else "1 step" if gap.n_steps == 1 else f"{gap.n_steps} steps"
        return Marker(
            min(self._stretches.index_of(gap.first_step), self.n_steps - 1), "gap", f"{lost} lost: {gap.reason}"
        )


def describe_recording(episode: Episode, outline: Outline, chunk_rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The fields of ``opened`` in ``replay_server/PROTOCOL.md``."""
    return {
        "run_id": episode.metadata.run_id,
        "episode_id": episode.metadata.episode_id,
        "live": False,
        **outline.to_map(),
        "total_steps": episode.n_steps,
        "chunks": chunk_rows,
        "metadata": episode.metadata.to_map(),
        "reasons": episode.reasons,
        "reason_words": [reason_in_words(reason) for reason in episode.reasons],
        "schema": episode.schema.to_list(),
    }


@unusual_numbers()
def chunk_rows(episode: Episode, columns: StepColumns, sizes: Sequence[int]) -> list[list[Any]]:
    """``[first_step, n_steps, n_bytes, reward_before, intrinsic_before]`` per chunk.

    Args:
        columns: all steps of the episode.
        sizes: size in bytes of each chunk for the player.
    """
    sums = [np.concatenate([[0.0], np.cumsum(rewards)]) for rewards in (columns.reward, columns.intrinsic_reward)]
    rows: list[list[Any]] = []
    index = 0
    for ref, n_bytes in zip(episode.chunks, sizes, strict=True):
        rows.append([ref.first_step, ref.n_steps, n_bytes, *(float(total[index]) for total in sums)])
        index += ref.n_steps
    return rows
