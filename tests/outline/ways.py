"""One episode in all the forms in which its outline reaches a viewer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recorder.agents.table import agent_table
from recorder.catalog import Catalog
from recorder.chunk import decode_chunk
from recorder.episode_file import open_episode
from recorder.html_file import build_html
from recorder.step_stream import MemoryStepStream
from recorder.storage import LocalStorage
from recorder.values.json_text import to_json
from replay_server.episodes.library import Library
from replay_server.episodes.live import LiveEpisodes
from replay_server.socket.opened_message import opened_message
from tests.agent_episodes import NAMES, agent_episode_columns
from tests.episodes import add_episode, make_chunks
from tests.page.lives import SCENE, Life
from tests.replay.trainer import CHUNK_STEPS, Trainer
from worker.video.texts.chapters import chapter_markers

__all__ = ["OUTLINE_FIELDS", "RANGES", "Ways", "make_agent_ways", "make_ways"]

OUTLINE_FIELDS = (
    "affordances", "affordance_numbers", "affordance_kinds", "substrate", "meter_names", "action_names",
    "meter_labels", "action_labels",
    "gaps", "markers", "dull", "critical", "overview", "bounds", "meter_ranges", "meter_levels",
    "agents", "teams", "shown_agent",
)  # fmt: skip

RANGES = {"0 to 1": (1.0, 0.0), "0 to 100": (100.0, 0.0), "negative": (2.0, -1.0)}
"""Factor and offset of the meters."""


@dataclass(frozen=True)
class Ways:
    """The outline of one episode as each viewer gets it, in JSON's own types."""

    recorded: dict[str, Any]
    """``opened`` of the recording."""
    html: dict[str, Any]
    """From the HTML file."""
    live: list[dict[str, Any]]
    """``opened``, ``grown`` for each further chunk, and what ``ended`` holds."""
    chapters: list[tuple[int, str, str]]


def make_ways(folder: Path, factor: float, offset: float, *, n_steps: int = 600) -> Ways:
    """Live an episode once, and show it in all ways."""
    columns = Life(seed=4, n_steps=n_steps, skill=0.6, waits=(100, 160)).columns()
    columns["meters"] = (columns["meters"] * factor + offset).astype("<f4")
    columns["q_values"][50] = [1.0, 0.0, 1.0, 0.5, 0.0, 0.0]
    columns["action_masks"][50] = True
    return _ways(folder, columns, 20, **SCENE, intrinsic_weight=0.5, grid_size=None)


def make_agent_ways(folder: Path) -> Ways:
    """The same for an episode of several agents."""
    columns, lost = agent_episode_columns(120), 5
    schema, chunks = make_chunks(columns, chunk_steps=CHUNK_STEPS, missing=(lost,))
    agents = agent_table([decode_chunk(frame, schema) for _, _, frame in chunks])
    return _ways(folder, columns, lost, agents=agents, **NAMES)


def _ways(folder: Path, columns: dict[str, np.ndarray], lost: int, **scene: Any) -> Ways:
    n_steps = len(columns["reward"])
    with Catalog(folder / "catalog.db") as catalog:
        row = add_episode(
            catalog, folder, n_steps=n_steps, columns=columns, chunk_steps=CHUNK_STEPS, missing=(lost,), **scene
        )
        library = Library(catalog, LocalStorage(folder), cache_bytes=2**26)
        recorded = json.loads(opened_message(library.prepared("demo", 0), stream_id=1, next_chunk=0))
    data = (folder / row.file_path).read_bytes()
    episode = open_episode(data)
    document = build_html(episode)
    html = json.loads(re.search(r'<script id="outline"[^>]*>(.*?)</script>', document, re.DOTALL)[1])  # type: ignore[index]
    chapters = [(marker.index, marker.kind, marker.label) for marker in chapter_markers(episode)]
    return Ways(recorded, html, _live(columns, episode.metadata, lost), chapters)


def _live(columns: dict[str, np.ndarray], metadata: Any, lost: int) -> list[dict[str, Any]]:
    stream = MemoryStepStream()
    trainer = Trainer(stream, "demo", 0, columns=columns)
    trainer.metadata = replace(metadata, agents=())  # the trainer has no table
    now = [0.0]
    live = LiveEpisodes(stream, cache_bytes=2**20, clock=lambda: now[0])
    trainer.begin()
    n_sent, messages = 0, []
    for number in range(len(trainer.chunks)):
        if number == lost:
            continue
        trainer.send_chunk(number)
        now[0] += 1
        episode = live.refresh("demo", 0)
        assert episode is not None
        n_chunks = len(episode.chunk_rows)
        if not messages:
            messages.append(json.loads(opened_message(episode, stream_id=1, next_chunk=0, n_chunks=n_chunks)))
        else:
            growth = episode.outline.growth(episode.n_steps_in(n_sent), episode.n_steps_in(n_chunks))
            messages.append(json.loads(to_json({"chunks": episode.chunk_rows[n_sent:n_chunks], **growth})))
        n_sent = n_chunks
    trainer.end()
    now[0] += 1
    ended = live.refresh("demo", 0)
    assert ended is not None
    assert ended.is_ended
    live.close()
    return [*messages, json.loads(to_json(ended.outline.to_map()))]
