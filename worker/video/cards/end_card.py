"""The words of the card at the end of an episode, what comes next included, and of the line above the title card's headline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recorder.catalog import Catalog
from recorder.episode import EpisodeMetadata
from recorder.values.number_format import format_count, format_number
from recorder.wording import reason_in_words, status_in_words
from worker.video.cards.emphasis import EndCard
from worker.video.episode.series import EpisodeSeries, LearningPoint

__all__ = ["coming_after", "end_card_of", "hook_of"]


def end_card_of(series: EpisodeSeries, coming: str = "") -> EndCard:
    """The outcome, why the episode was kept, and what comes next."""
    metadata = series.metadata
    n_steps = int(series.step_numbers[-1]) + 1
    facts = [f"return {format_number(metadata.total_reward)}"]
    if str(metadata.status) != "complete":
        facts.append(status_in_words(str(metadata.status)))
    if series.reasons:
        facts.append(reason_in_words(series.reasons[0]))
    return EndCard(f"Lived {format_count(n_steps)} {'step' if n_steps == 1 else 'steps'}", " · ".join(facts), coming)


def hook_of(series: EpisodeSeries, learning_curve: Sequence[LearningPoint]) -> str:
    """Why to watch: its place in the run, else why it was kept; empty if nothing is known."""
    own = series.metadata.total_reward
    returns = np.array([point.total_reward for point in learning_curve if np.isfinite(point.total_reward)])
    if len(returns) > 1 and own >= returns.max() > returns.min():
        return "The best episode of the run"
    if len(returns) > 1 and own <= returns.min() < returns.max():
        return "The worst episode of the run"
    words = reason_in_words(series.reasons[0]) if series.reasons else ""
    return words[:1].upper() + words[1:]


def coming_after(catalog: Catalog, run_id: str, metadata: EpisodeMetadata) -> str:
    """Return the next recorded episode of the run, with its stage if that is another one; empty if there is none.

    Raises:
        CatalogError: the catalog can't be read.
    """
    page = catalog.list_episodes(
        run=run_id, recorded=True, min_episode=metadata.episode_id + 1, order="episode_id", limit=1
    )
    if not page.episodes:
        return ""
    (row,) = page.episodes
    has_changed = row.curriculum_stage is not None and row.curriculum_stage != metadata.curriculum_stage
    return f"Next: {f'stage {row.curriculum_stage}, ' if has_changed else ''}episode {row.episode_id}"
