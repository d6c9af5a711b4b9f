"""A folder of recordings with its catalog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from recorder.catalog import Catalog, RecordingRow
from recorder.episode_file import open_episode
from recorder.recordings.convert import convert_bytes
from recorder.storage import episode_path
from tests.video.cluster import Cluster
from tests.video.sample import sample_file
from worker.video.queue import planning

RUN = "grid-8x8-seed-3"


def damage_first_chunk(path: Path) -> None:
    """Make it a file of version 2 with a byte that is found to be wrong only when its chunk is unpacked."""
    data = bytearray(convert_bytes(path.read_bytes(), version=2).data)
    chunk = open_episode(bytes(data)).chunks[0]
    data[chunk.offset + chunk.n_bytes // 2] ^= 0x55
    path.write_bytes(data)


@dataclass
class Recordings:
    """What the tests make videos of."""

    folder: Path
    catalog: Catalog

    @property
    def database(self) -> Path:
        """The catalog's file."""
        return self.folder / "demo.db"

    def add(
        self, episode_id: int, n_steps: int = 6, *, reasons: tuple[str, ...] = ("periodic_100",), **changes: Any
    ) -> RecordingRow:
        """Write a recording and list it."""
        return self.add_file(
            episode_id,
            sample_file(n_steps, episode_id=episode_id, reasons=reasons, run_id=RUN, **changes),
            n_steps,
            reasons,
            **changes,
        )

    def add_file(
        self,
        episode_id: int,
        data: bytes,
        n_steps: int = 6,
        reasons: tuple[str, ...] = ("periodic_100",),
        **changes: Any,
    ) -> RecordingRow:
        """Write bytes as a recording, and add it to the catalog."""
        name = episode_path(RUN, episode_id)
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        row = RecordingRow(
            RUN,
            episode_id,
            n_steps=n_steps,
            survival_steps=n_steps,
            file_path=name,
            reasons=reasons,
            total_reward=123.45,
        )
        known = {key: value for key, value in changes.items() if hasattr(row, key)}
        row = replace(row, content_hash=f"{len(data)}-{episode_id}", **known)
        self.catalog.upsert_recordings([row])
        return row


@pytest.fixture
def recordings(tmp_path: Path) -> Iterator[Recordings]:
    """An empty folder with an empty catalog."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    with Catalog(folder / "demo.db") as catalog:
        yield Recordings(folder, catalog)


@pytest.fixture
def cluster(recordings: Recordings, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    # A segment of 20 frames, which are two seconds: one group of pictures.
    monkeypatch.setattr(planning, "PIXELS_A_SEGMENT", 1)
    return Cluster(recordings)
