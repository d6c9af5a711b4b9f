"""Deciding which finished episodes of a run are kept.

Ends of episodes are read in order from a cursor. The criteria's state, the new cursor and a row for each episode are committed in one
transaction, which only succeeds while the cursor is still the old one: of two workers, one wins and the other goes home.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from recorder.catalog import EpisodeRow, Settlement
from recorder.episode import EpisodeStatus
from recorder.errors import StreamCorruptError
from recorder.step_stream import FIRST_CURSOR, SHARED_FIELDS, FinishedEntry, Play, RunInfo
from worker.criteria import EpisodeSummary, Evaluator, Settled
from worker.ingest.context import IngestContext

__all__ = ["Evaluation", "evaluate_run"]

_log = logging.getLogger(__name__)

_ROW_FIELDS = (*SHARED_FIELDS, "status", "n_missing_steps", "n_bytes")
"""Fields that an episode's end and its row in the catalog share."""


@dataclass(slots=True)
class Evaluation:
    """What one call has done."""

    n_episodes: int = 0
    n_kept: int = 0
    n_refused: int = 0
    lost_race: bool = False
    has_more: bool = False
    """Whether the last batch was full, so that more may wait."""
    is_ended: bool = False


@dataclass(slots=True)
class _Plan:
    """What one batch of ends comes to."""

    rows: dict[int, EpisodeRow] = field(default_factory=dict)
    settlements: dict[int, Settlement] = field(default_factory=dict)
    drop: list[Play] = field(default_factory=list)
    dropped_ids: list[int] = field(default_factory=list)
    """Episodes whose stream is dropped because they are skipped."""
    n_refused: int = 0
    n_late_keeps: int = 0
    n_kept: int = 0
    ended: bool | None = None


def evaluate_run(context: IngestContext, run_id: str, *, max_batches: int = 1_000_000) -> Evaluation:
    """Evaluate what is unread, batch by batch, until nothing is.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: nothing of the current batch has happened; call again later.
    """
    done = Evaluation()
    for _ in range(max_batches):
        state = context.catalog.load_run_state(run_id)
        entries = context.stream.read_finished(run_id, after=state.cursor, limit=context.limits.batch_episodes)
        if not entries:
            done.has_more = False
            break
        evaluator = _evaluator_at(context, run_id, state.cursor, state.criteria_state)
        info = context.stream.run_info(run_id)
        known = context.catalog.existing_plays(
            run_id, {e.body["episode_id"] for e in entries if "episode_id" in e.body}
        )
        plan = _decide(entries, evaluator, known, context=context, info=info)
        cursor = entries[-1].entry_id
        context.evaluators.pop(run_id, None)
        if state.cursor == FIRST_CURSOR:
            context.catalog.ensure_run(run_id, **_run_fields(info))
        won = context.catalog.commit_evaluation(
            run_id,
            old_cursor=state.cursor,
            new_cursor=cursor,
            criteria_state=evaluator.state(),
            new_episodes=list(plan.rows.values()),
            settled=list(plan.settlements.values()),
            n_refused=plan.n_refused,
            n_late_keeps=plan.n_late_keeps,
            ended=plan.ended if plan.ended is not None else (False if plan.rows and state.ended_at else None),
            at=context.now(),
        )
        if not won:
            done.lost_race = True
            return done
        if plan.n_refused:
            _log.error(
                "%d episodes of run_id=%s have ids that were played before: refused (a resumed run replaces with resume=True)",
                plan.n_refused,
                run_id,
            )
        context.evaluators[run_id] = (cursor, evaluator)
        context.stream.trim_finished(run_id, through=cursor)
        context.stream.drop_plays(run_id, plan.drop)
        context.catalog.mark_streams_dropped(run_id, plan.dropped_ids, context.now())
        done.has_more = len(entries) == context.limits.batch_episodes
        done.n_episodes += len(plan.rows)
        done.n_kept += plan.n_kept
        done.n_refused += plan.n_refused
        done.is_ended = bool(plan.ended)
    return done


def _evaluator_at(context: IngestContext, run_id: str, cursor: str, state: Mapping[str, Any]) -> Evaluator:
    cached = context.evaluators.get(run_id)
    if cached is not None and cached[0] == cursor:
        return cached[1]
    evaluator = Evaluator(context.make_criteria())
    if state:
        evaluator.restore(state)
    return evaluator


def _run_fields(info: RunInfo) -> dict[str, Any]:
    hosts = [str(producer.get("host", "")) for producer in info.producers.values()]
    return {
        "config": info.info.get("config"),
        "host": hosts[0] if hosts else None,
        "started_unix_nanos": info.info.get("started_unix_nanos"),
    }


def _decide(
    entries: Sequence[FinishedEntry],
    evaluator: Evaluator,
    known: dict[int, int],
    *,
    context: IngestContext,
    info: RunInfo,
) -> _Plan:
    plan = _Plan()
    for entry in entries:
        body = entry.body
        match body.get("kind"):
            case "end" | "abort":
                _decide_end(body, plan, evaluator, known, run_id=info.run_id)
            case "keep":
                if not evaluator.add_manual_reason(body["episode_id"], str(body["reason"])):
                    plan.n_late_keeps += 1
                    _log.error(
                        "keep of episode_id=%s came too late: it is settled, run_id=%s", body["episode_id"], info.run_id
                    )
            case "run_end":
                if _all_ended(info, str(body.get("producer")), context):
                    _settle(evaluator.end_run(), plan)
                    plan.ended = True
            case other:
                raise StreamCorruptError(f"finished entry {entry.entry_id} of run {info.run_id!r} is of kind {other!r}")
    return plan


def _decide_end(
    body: Mapping[str, Any], plan: _Plan, evaluator: Evaluator, known: dict[int, int], *, run_id: str
) -> None:
    episode_id, play_id = int(body["episode_id"]), int(body["play_id"])
    before = known.get(episode_id)
    if before is not None:
        if before == play_id:
            return  # sent twice: what became of the first stands
        if not body.get("resumed") or play_id < before:
            plan.n_refused += 1
            plan.drop.append(Play(episode_id, play_id))
            _log.error(
                "episode_id=%d of run_id=%s was played twice: the later play is refused (resume=True replaces)",
                episode_id,
                run_id,
            )
            return
        plan.drop.append(Play(episode_id, before))
        plan.settlements.pop(episode_id, None)
    known[episode_id] = play_id
    plan.ended = False if plan.ended else plan.ended
    status = EpisodeStatus(body["status"])
    plan.rows[episode_id] = EpisodeRow(
        run_id=run_id, episode_id=episode_id, play_id=play_id, **{name: body[name] for name in _ROW_FIELDS}
    )
    summary = EpisodeSummary(
        episode_id=episode_id,
        play_id=play_id,
        lane=body["lane"],
        curriculum_stage=body["curriculum_stage"],
        total_reward=body["total_reward"],
        survival_steps=body["survival_steps"],
        n_steps=body["n_steps"],
        status=status,
        manual_reasons=tuple(map(str, body.get("manual") or ())),
        info=body.get("info") or {},
    )
    _settle(evaluator.observe(summary), plan)
    if body["kind"] == "abort":
        plan.rows[episode_id] = replace(plan.rows[episode_id], error=str(body.get("reason")))


def _settle(settled: Sequence[Settled], plan: _Plan) -> None:
    for one in settled:
        row = plan.rows.get(one.episode_id)
        if row is not None:
            plan.rows[one.episode_id] = replace(row, decision=one.decision, reasons=one.reasons, why=one.why)
        else:
            plan.settlements[one.episode_id] = Settlement(one.episode_id, one.decision, one.reasons, one.why)
        if one.decision == "kept":
            plan.n_kept += 1
        else:
            plan.drop.append(Play(one.episode_id, one.play_id))
            plan.dropped_ids.append(one.episode_id)


def _all_ended(info: RunInfo, producer_id: str, context: IngestContext) -> bool:
    """Whether no other trainer process still works on the run: each has closed, or is silent for too long."""
    oldest = context.now_secs() - context.limits.abandoned_after_secs
    return all(
        name == producer_id or producer.get("closed") or producer.get("heartbeat", 0.0) < oldest
        for name, producer in info.producers.items()
    )
