"""Decides a batch of finished episodes. Pure, except that it looks up in the catalog episodes that it has seen
before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from recorder.agents import MAX_AGENTS
from recorder.agents.whose_return import AgentReturn
from recorder.catalog import Decision, EpisodeRow
from recorder.episode import EpisodeStatus
from recorder.errors import StreamCorruptError
from recorder.step_stream import SHARED_FIELDS, FinishedEntry, Play, Refused, RunInfo, is_gone
from recorder.values.episode_metrics import episode_metrics
from worker.criteria import Decided, EpisodeSummary, Evaluator
from worker.ingest.context import IngestContext
from worker.ingest.continued import continues_salvaged

__all__ = ["Plan", "decide"]

_log = logging.getLogger(__name__)


def _unless_none(kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else kind(value)


_KINDS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "int | None": _unless_none(int),
    "float | None": _unless_none(float),
}

_ROW_FIELDS: dict[str, Callable[[Any], Any]] = {
    it.name: _KINDS[str(it.type)]
    for it in fields(EpisodeRow)
    if it.name in (*SHARED_FIELDS, "status", "n_missing_steps", "n_bytes")
}
"""Fields of an episode's end that are also columns of its catalog row, with their converters."""


@dataclass(slots=True)
class Plan:
    """What one batch changes."""

    rows: dict[int, EpisodeRow] = field(default_factory=dict)
    decisions: dict[int, Decision] = field(default_factory=dict)
    """Decisions on episodes that earlier batches held."""
    drop: list[Play] = field(default_factory=list)
    """Plays whose streams can be deleted after the commit."""
    replaced: list[Play] = field(default_factory=list)
    """Plays in the catalog that a later one of this batch replaces."""
    continued: set[int] = field(default_factory=set)
    """Salvaged episodes of the catalog that go on; what was salvaged of them stays until the whole is written."""
    n_refused: int = 0
    refused: dict[str, Refused] = field(default_factory=dict)
    """Refused ends by producer id, where the entry names one."""
    n_late_keeps: int = 0
    is_ended: bool = False

    def refuse(self, producer_id: object, *, n_steps: int, why: str) -> None:
        """Count a refused end."""
        self.n_refused += 1
        if isinstance(producer_id, str):
            before = self.refused.get(producer_id, Refused())
            self.refused[producer_id] = Refused(before.n_episodes + 1, before.n_steps + n_steps, why)

    def ids(self, decision: str) -> list[int]:
        """Return the ids of the episodes with this decision."""
        found = [row.episode_id for row in self.rows.values() if row.decision == decision]
        return found + [it.episode_id for it in self.decisions.values() if it.decision == decision]


def decide(entries: Sequence[FinishedEntry], evaluator: Evaluator, *, context: IngestContext, info: RunInfo) -> Plan:
    """Show the entries to the criteria, in order. This changes the evaluator's state.

    Raises:
        StreamCorruptError: an entry is invalid.
    """
    ids = (entry.body.get("episode_id") for entry in entries)
    known = context.catalog.existing_plays(
        info.run_id, {it for it in ids if isinstance(it, int) and _is_episode_id(it)}
    )
    batch = _Batch(context, info, evaluator, known)
    for entry in entries:
        if entry.problem:
            raise StreamCorruptError(entry.problem)
        body = entry.body
        match body.get("kind"):
            case "end" | "abort":
                batch.take_end(body)
            case "keep":
                if not _is_episode_id(body.get("episode_id")) or not isinstance(body.get("reason"), str):
                    raise StreamCorruptError("a request to keep an episode needs its episode_id and a reason")
                batch.take_keep(body["episode_id"], body["reason"])
            case "run_end":
                batch.take_run_end(str(body.get("producer")), entry.entry_id)
            case other:
                raise StreamCorruptError(f"the kind of an entry must be end, abort, keep or run_end, got {other!r:.80}")
    return batch.plan


@dataclass(slots=True)
class _Batch:
    """Processes the entries of one batch in order.

    Args:
        known: episode id to the play in the catalog, or to one earlier in this batch.
    """

    context: IngestContext
    info: RunInfo
    evaluator: Evaluator
    known: dict[int, int]
    plan: Plan = field(default_factory=Plan)

    def take_end(self, body: Mapping[str, Any]) -> None:
        row, summary = _read_end(self.info.run_id, body)
        before = self.known.get(row.episode_id)
        continues = False
        if before == row.play_id:
            known = self._row_of(row.episode_id)
            continues = continues_salvaged(known, n_steps=row.n_steps, status=row.status)
            if not continues:
                self._take_repeat(known, row, body.get("producer"))
                return
            row = self._continue(row)
        elif before is not None:
            if not body.get("resumed") or row.play_id < before:
                why = "was played before: the later play is refused (to replace earlier plays, resume the run with resume=True)"
                self._refuse(row, body.get("producer"), why, n_steps=row.n_steps)
                self.plan.drop.append(Play(row.episode_id, row.play_id))
                return
            row = self._replace(Play(row.episode_id, before), row)
        summary = self.evaluator.fill_in_stage(summary)
        row.curriculum_stage = summary.curriculum_stage
        self.known[row.episode_id] = row.play_id
        self.plan.rows[row.episode_id] = row
        self._decide(self.evaluator.observe(summary, continues=continues))

    def take_keep(self, episode_id: int, reason: str) -> None:
        if self.evaluator.add_manual_reason(episode_id, reason) or f"manual_{reason}" in self._reasons_of(episode_id):
            return
        self.plan.n_late_keeps += 1
        _log.error(
            "keep(%d, %r) of run_id=%s came too late: the episode is already decided, or unknown",
            episode_id,
            reason,
            self.info.run_id,
        )

    def take_run_end(self, producer_id: str, entry_id: str) -> None:
        """End the run if every other producer has closed or is gone, and no entry follows this one.

        A producer says that it has closed only after everything it sent has arrived.
        """
        is_last = all(name == producer_id or is_gone(self.info, name) for name in self.info.producers)
        if is_last and not self.context.stream.read_finished(self.info.run_id, after=entry_id, limit=1):
            self._decide(self.evaluator.end_run())
            self.plan.is_ended = True

    def _take_repeat(self, known: EpisodeRow, row: EpisodeRow, producer_id: object) -> None:
        """An end of a play that is known: what became of the first stands."""
        if known.status == EpisodeStatus.SALVAGED and row.status != EpisodeStatus.SALVAGED:
            is_deleted = known.decision == "deleted"
            why = (
                "was salvaged and deleted" if is_deleted else f"has fewer steps than the {known.n_steps} salvaged ones"
            )
            self._refuse(row, producer_id, why, n_steps=max(0, row.n_steps - known.n_steps))
        elif known.is_done and known.status != EpisodeStatus.SALVAGED:
            # The header that was sent again has begun a stream that nobody will read.
            self.plan.drop.append(Play(row.episode_id, row.play_id))

    def _continue(self, row: EpisodeRow) -> EpisodeRow:
        """The row of a salvaged play that goes on; it takes what was said of the play back."""
        self.plan.decisions.pop(row.episode_id, None)
        in_batch = self.plan.rows.get(row.episode_id)
        if in_batch is None:
            self.plan.continued.add(row.episode_id)
            return row
        return replace(row, replaced_plays=in_batch.replaced_plays)

    def _replace(self, earlier: Play, row: EpisodeRow) -> EpisodeRow:
        self.plan.drop.append(earlier)
        self.plan.decisions.pop(earlier.episode_id, None)
        self.plan.continued.discard(earlier.episode_id)
        in_batch = self.plan.rows.get(earlier.episode_id)
        if in_batch is None:
            self.plan.replaced.append(earlier)
            return row
        return replace(row, replaced_plays=in_batch.replaced_plays + 1)

    def _refuse(self, row: EpisodeRow, producer_id: object, why: str, *, n_steps: int) -> None:
        self.plan.refuse(producer_id, n_steps=n_steps, why=f"episode {row.episode_id} {why}")
        _log.error("episode_id=%d of run_id=%s %s", row.episode_id, self.info.run_id, why)

    def _row_of(self, episode_id: int) -> EpisodeRow:
        return self.plan.rows.get(episode_id) or self.context.catalog.get_episode(self.info.run_id, episode_id)

    def _reasons_of(self, episode_id: int) -> tuple[str, ...]:
        if episode_id in self.plan.decisions:
            return self.plan.decisions[episode_id].reasons
        return self._row_of(episode_id).reasons if episode_id in self.known else ()

    def _decide(self, decided: Sequence[Decided]) -> None:
        plan = self.plan
        for one in decided:
            row = plan.rows.get(one.episode_id)
            if row is not None:
                row.decision, row.reasons, row.why_json = one.decision, one.reasons, one.why_json
            else:
                plan.decisions[one.episode_id] = Decision(one.episode_id, one.decision, one.reasons, one.why_json)
            if one.decision == "skipped":
                plan.drop.append(Play(one.episode_id, one.play_id))


def _read_end(run_id: str, body: Mapping[str, Any]) -> tuple[EpisodeRow, EpisodeSummary]:
    """Return an episode's row and the summary that the criteria see.

    Raises:
        StreamCorruptError: the entry is invalid.
    """
    try:
        return _read_fields(run_id, body)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise StreamCorruptError(
            f"the end of an episode has a missing or invalid field: {type(error).__name__}: {error!s:.100}"
        ) from error


def _read_fields(run_id: str, body: Mapping[str, Any]) -> tuple[EpisodeRow, EpisodeSummary]:
    episode_id, play_id = int(body["episode_id"]), int(body["play_id"])
    if not _is_episode_id(episode_id) or not _is_episode_id(play_id):
        raise ValueError("an id beyond 64 bits")
    row = EpisodeRow(
        run_id=run_id,
        episode_id=episode_id,
        play_id=play_id,
        error=str(body["reason"]) if body["kind"] == "abort" else None,
        metrics=episode_metrics(body.get("info") or {}),
        **{name: kind(body[name]) for name, kind in _ROW_FIELDS.items()},
    )
    summary = EpisodeSummary(
        episode_id,
        play_id,
        row.lane,
        row.curriculum_stage,
        row.total_reward,
        row.survival_steps,
        row.n_steps,
        EpisodeStatus(row.status),
        tuple(map(str, body.get("manual") or ())),
        body.get("info") or {},
        _read_agents(body.get("agents") or ()),
    )
    return row, summary


def _read_agents(rows: Any) -> tuple[AgentReturn, ...]:
    if len(rows) > MAX_AGENTS:
        raise ValueError(f"more than {MAX_AGENTS} agents")
    return tuple(AgentReturn(str(agent_id), str(team), float(value)) for agent_id, team, value in rows)


def _is_episode_id(value: object) -> bool:
    """Whether a database can store it."""
    return isinstance(value, int) and abs(value) < 2**63
