"""What happened in a run: its facts in a sentence, and the episodes that matter. The page and the command line show the
same."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from recorder.highlights.turning_point import find_turning_point
from recorder.values.number_format import format_count, format_duration
from recorder.wording import MEASURES, METRIC_PREFIX, Measure, measure_of, reason_family

if TYPE_CHECKING:
    from recorder.catalog import Catalog, CurvePoint, EpisodeRow, RunRow

__all__ = ["Highlight", "RunHighlights", "find_highlights"]

_N_POINTS = 2000
"""Episodes of the sample in which measures and the turning point are found."""
_LARGEST = sys.float_info.max
_N_TIED = 50
"""First episodes that are compared if their values are equal."""
_MAX_METRICS = 32
"""Numbers of ``info`` that can be chosen, the first ones by name."""
_CONFIG_KEY = "measure"
"""Key of a run's configuration that chooses the measure which is shown first."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """An episode that matters.

    Args:
        kind: ``best``, ``worst``, ``longest``, ``latest`` or ``turn``.
        title: the kind in words.
        text: the number that makes it matter.
        value: its value of the measure that is chosen; None if unknown.
        episode: a recorded episode.
    """

    kind: str
    title: str
    text: str
    episode: EpisodeRow
    value: float | None = None


@dataclass(frozen=True, slots=True)
class RunHighlights:
    """What happened in a run.

    Args:
        measure: name of the measure that ``highlights`` are about.
        measures: names of the measures that differ between its episodes.
        sentence: the facts in words.
        secs: time from the first step to the end of the last recorded episode; None if unknown.
        stages: lowest and highest stage; None if unknown.
        reasons: families of the reasons that occur: glob, words, number of episodes.
    """

    run_id: str
    measure: str
    measures: tuple[str, ...]
    sentence: str
    n_episodes: int
    n_recordings: int
    secs: float | None
    stages: tuple[int, int] | None
    highlights: tuple[Highlight, ...]
    reasons: tuple[tuple[str, str, int], ...]


def find_highlights(catalog: Catalog, run_id: str, measure: str | None = None) -> RunHighlights:
    """Find them in the catalog.

    Args:
        measure: a name of ``MEASURES``, or ``info.`` and that of a number in the episodes' ``info``; None for the one that
            the run opens with.

    Raises:
        RecordingNotFoundError: no such run.
    """
    run = catalog.get_run(run_id)
    points = catalog.learning_curve(run_id, _N_POINTS)
    metrics = sorted({f"{METRIC_PREFIX}{name}" for point in points for name in point.metrics or ()})
    measures = tuple(name for name in (*MEASURES, *metrics[:_MAX_METRICS]) if _varies(points, measure_of(name)))
    name = measure or _first_measure(run, points, measures)
    newest = _first(catalog, run_id, "-finished")
    found = tuple(
        replace(each, value=measure_of(name).of(each.episode))
        for each in _highlights(catalog, run, name, points, newest)
    )
    stages = _stages_of(points)
    secs = _secs_of(run, newest)
    best = next((each for each in found if each.kind == "best"), None)
    return RunHighlights(
        run_id,
        name,
        measures,
        _sentence(run, name, best=best, secs=secs, stages=stages),
        run.n_episodes,
        run.n_recordings,
        secs,
        stages,
        found,
        _families(catalog.count_reasons(run_id)),
    )


def _highlights(
    catalog: Catalog, run: RunRow, name: str, points: Sequence[CurvePoint], newest: EpisodeRow | None
) -> Iterator[Highlight]:
    measure = measure_of(name)
    is_success = bool(measure.superlative)
    best, worst = (_extreme(catalog, run.run_id, measure, lowest=lowest) for lowest in (False, True))
    if best is not None:
        yield Highlight("best", "Best" if is_success else "Highest", _value_of(best, measure), best)
    if worst is not None and best is not None and worst.episode_id != best.episode_id:
        yield Highlight("worst", "Worst" if is_success else "Lowest", _value_of(worst, measure), worst)
    steps = MEASURES["steps"]
    longest = None if measure is steps else _extreme(catalog, run.run_id, steps)
    if longest is not None:
        yield Highlight("longest", "Longest", _value_of(longest, steps), longest)
    if newest is not None:
        yield Highlight("latest", "Latest", _value_of(newest, measure), newest)
    turn = find_turning_point(_whole(points), measure, n_episodes=run.n_episodes)
    if turn is not None:
        episode_id, text = turn
        episode = _first(catalog, run.run_id, "episode_id", min_episode=episode_id) or newest
        if episode is not None:
            yield Highlight("turn", "Turning point", text, episode)


def _extreme(catalog: Catalog, run_id: str, measure: Measure, *, lowest: bool = False) -> EpisodeRow | None:
    if measure.metric:
        return catalog.extreme_metric(run_id, measure.metric, lowest=lowest)
    if measure.order:
        # Bounds exclude NaN and infinities.
        bounds = {"min_reward": -_LARGEST, "max_reward": _LARGEST} if measure.order == "reward" else {}
        order = measure.order if lowest else f"-{measure.order}"
        return _first(catalog, run_id, order, measure=measure, **bounds)
    if measure.column == "duration":
        return None
    return catalog.extreme_recording(run_id, measure.column, lowest=lowest)


def _first(
    catalog: Catalog, run_id: str, order: str, *, measure: Measure | None = None, **filters: Any
) -> EpisodeRow | None:
    """The first recorded episode in this order: a complete one if there is any.

    Args:
        measure: of the order; of several first ones with an equal value, the one with the highest return is taken.
    """
    for complete in (True, None):
        page = catalog.list_episodes(
            run=run_id, recorded=True, complete=complete, order=order, limit=_N_TIED if measure else 1, **filters
        ).episodes
        if page and measure is not None:
            value = getattr(page[0], measure.column)
            page = [episode for episode in page if getattr(episode, measure.column) == value]
            return max(page, key=lambda episode: (episode.total_reward, -episode.episode_id))
        if page:
            return page[0]
    return None


def _whole(points: Sequence[CurvePoint]) -> Sequence[CurvePoint]:
    """Without broken-off episodes, whose values are partial, unless there are no others."""
    return [point for point in points if point.status == "complete"] or points


def _varies(points: Sequence[CurvePoint], measure: Measure) -> bool:
    values = {measure.of(point) for point in points} - {None}
    return len({value for value in values if value == value}) > 1


def _first_measure(run: RunRow, points: Sequence[CurvePoint], measures: Sequence[str]) -> str:
    """The configured measure; else the return, or the steps if its intrinsic weight changed and so no two are alike."""
    wanted = (run.config or {}).get(_CONFIG_KEY)
    if wanted in MEASURES or wanted in measures:
        return str(wanted)
    weights = {point.intrinsic_weight for point in points} - {None}
    return "steps" if len(weights) > 1 and "steps" in measures else "return"


def _sentence(
    run: RunRow, name: str, *, best: Highlight | None, secs: float | None, stages: tuple[int, int] | None
) -> str:
    took = "" if secs is None else f" in {format_duration(secs)}"
    n_episodes = format_count(run.n_episodes)
    parts = [f"{n_episodes} episode{'' if run.n_episodes == 1 else 's'}{took}; {format_count(run.n_recordings)} kept."]
    superlative = measure_of(name).superlative
    if best is not None and superlative:
        parts.append(f"{superlative}: {best.text} (episode {format_count(best.episode.episode_id)}).")
    if stages is not None and stages[0] != stages[1]:
        parts.append(f"Stages {stages[0]} to {stages[1]}.")
    return " ".join(parts)


def _stages_of(points: Sequence[CurvePoint]) -> tuple[int, int] | None:
    stages = [point.curriculum_stage for point in points if point.curriculum_stage is not None]
    return (min(stages), max(stages)) if stages else None


def _secs_of(run: RunRow, newest: EpisodeRow | None) -> float | None:
    if newest is None or not run.started_unix_nanos or newest.finished_unix_nanos <= run.started_unix_nanos:
        return None
    return (newest.finished_unix_nanos - run.started_unix_nanos) / 1e9


def _value_of(episode: EpisodeRow, measure: Measure) -> str:
    return measure.write(measure.of(episode))


def _families(by_reason: Mapping[str, int]) -> tuple[tuple[str, str, int], ...]:
    counts: dict[tuple[str, str], int] = {}
    for reason, n_episodes in by_reason.items():
        family = reason_family(reason)
        counts[family] = counts.get(family, 0) + n_episodes
    return tuple((glob, words, n) for (glob, words), n in sorted(counts.items(), key=lambda item: item[0][1]))
