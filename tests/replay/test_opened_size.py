"""What an opened recording takes in memory is what the cache counts for it."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from recorder.catalog import Catalog
from recorder.recordings.steps import step_maps
from recorder.storage import open_storage
from replay_server.episodes.library import Library
from tests.episodes import add_episode, make_columns

N_STEPS = 1000


@pytest.mark.parametrize("compression", ["none", "lz4"])
@pytest.mark.parametrize("version", [1, 2])
def test_unpacked_and_decoded_bytes_are_counted(tmp_path: Path, version: int, compression: str) -> None:
    columns = {**make_columns(N_STEPS), "extras.picture": np.zeros((N_STEPS, 16, 16), np.uint8)}
    catalog = Catalog(tmp_path / "catalog.db")
    row = add_episode(catalog, tmp_path, n_steps=N_STEPS, columns=columns, version=version, compression=compression)
    library = Library(catalog, open_storage(str(tmp_path)), cache_bytes=2**30)

    def use() -> None:
        """As viewers and programs do who look at everything."""
        opened = library.prepared(row.run_id, row.episode_id)
        opened.chunk_frame(0)
        step_maps(opened.episode, 0, 1)

    use()  # what is kept once a process is not the recording's
    library.forget(row)
    gc.collect()
    tracemalloc.start()
    try:
        use()
        gc.collect()
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken_bytes <= library.n_bytes
