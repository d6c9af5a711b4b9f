"""An episode in a notebook's output: the player if it is small enough, else a poster, facts and a link."""

from __future__ import annotations

import html
from collections.abc import Sequence
from urllib.parse import quote

from recorder.episode_file import Episode
from recorder.html_file.document import build_html, facts_of, title_of
from recorder.outline import Outline
from recorder.outline.looks import DARK

__all__ = ["MAX_PLAYER_BYTES", "NotebookView"]

MAX_PLAYER_BYTES = 2_000_000
"""Largest player in an output. A notebook stores each output as text, and slows down with larger ones."""

_POSTER_WIDTH, _POSTER_HEIGHT = 640, 160
_FRAME = (
    '<iframe srcdoc="{document}" title="{title}" allowfullscreen '
    'style="width: 100%; height: {height}px; border: 0"></iframe>'
)
_POSTER = """\
<div>
<p><strong>{title}</strong><br>{facts}</p>
<svg viewBox="0 0 {width} {height}" style="max-width: {width}px; width: 100%" role="img" aria-label="Return by step">\
<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/></svg>
<p>The player would take {size:.1f} MB of this notebook. <a href="{link}">Play it on the replay server</a>, which \
<code>hamlet-recorder serve</code> starts.</p>
</div>"""


class NotebookView:
    """What ``Episode.show`` returns; a notebook displays it.

    Args:
        first_step: number of the step to show first.
        height: of the player in pixels.
        url: address of a replay server, for the link of an episode that is too large.
    """

    def __init__(self, episode: Episode, *, first_step: int | None, height: int, url: str) -> None:
        self._episode = episode
        self._first_step = first_step
        self._height = height
        self._url = url.rstrip("/")

    def __repr__(self) -> str:
        return f"{title_of(self._episode)}: {facts_of(self._episode)}"

    def _repr_html_(self) -> str:
        """The output of a cell.

        Raises:
            EpisodeFileError: the recording is damaged.
        """
        document = html.escape(build_html(self._episode, first_step=self._first_step, is_embedded=True))
        if len(document) <= MAX_PLAYER_BYTES:
            return _FRAME.format(document=document, title=html.escape(title_of(self._episode)), height=self._height)
        return self._poster(len(document))

    def _poster(self, n_bytes: int) -> str:
        metadata = self._episode.metadata
        at = "" if self._first_step is None else f"?t={self._first_step}"
        overview = Outline.of(self._episode).to_map()["overview"]
        return _POSTER.format(
            title=html.escape(title_of(self._episode)),
            facts=html.escape(facts_of(self._episode)),
            width=_POSTER_WIDTH,
            height=_POSTER_HEIGHT,
            points=_points(overview["index"], overview["cumulative_reward"]),
            color=DARK.agent,
            size=n_bytes / 1e6,
            link=html.escape(f"{self._url}/runs/{quote(metadata.run_id, safe='')}/episodes/{metadata.episode_id}{at}"),
        )


def _points(index: Sequence[float], values: Sequence[float]) -> str:
    if not index:
        return ""
    low, high = min(values), max(values)
    last = max(index[-1], 1)
    return " ".join(
        f"{at / last * _POSTER_WIDTH:.1f},{(high - value) / ((high - low) or 1) * (_POSTER_HEIGHT - 4) + 2:.1f}"
        for at, value in zip(index, values, strict=True)
    )
