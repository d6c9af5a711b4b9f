"""What comes after an episode in its run, in words for the card at its end."""

from __future__ import annotations

from recorder.catalog import Catalog
from recorder.episode import EpisodeMetadata

__all__ = ["coming_after"]


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
