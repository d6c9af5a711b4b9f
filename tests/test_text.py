"""Letters that nothing can hold: replaced in the same way wherever text comes in."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder import Catalog, EpisodeRecorder, open_episode
from recorder.values.text import sanitize_text
from worker import RecordingWriter


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ("", ""),
        ("plain\n", "plain\n"),
        ("a\0b", "a\ufffdb"),
        ("caf\udce9", "caf\ufffd"),
        ("ä\0😀\ud800", "ä\ufffd😀\ufffd"),
    ],
)
def test_a_character_that_cannot_be_stored_becomes_the_replacement_character(given: str, held: str) -> None:
    assert sanitize_text(given) == held


def test_a_reason_is_the_same_text_in_file_and_catalog(tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="r")
    with RecordingWriter(recorder=recorder, database=tmp_path / "catalog.db", recordings_dir=tmp_path):
        recorder.record_step(1, 0, (0, 0), [1.0], 0, 1.0, done=True)
        recorder.keep(1, "caf\udce9\0")
        recorder.finish_episode(1)
    with Catalog(tmp_path / "catalog.db", read_only=True) as catalog:
        row = catalog.get_recording("r", 1)
        assert len(catalog.query_recordings(reason="manual_caf\udce9\0")) == 1
    assert "manual_caf\ufffd\ufffd" in row.reasons
    assert open_episode(tmp_path / row.file_path).reasons == row.reasons
