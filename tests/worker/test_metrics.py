"""Numbers in the ``info`` of episodes, from the trainer to the catalog, to its highlights and to a catalog that is rebuilt."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from recorder.capture import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.highlights import find_highlights
from recorder.recordings.reindex import recording_names, reindex
from recorder.settings import load_settings
from recorder.storage import LocalStorage
from recorder.values.episode_metrics import MAX_METRICS, episode_metrics
from worker.app import create_app
from worker.tasks import EVALUATE, WRITE


def test_each_episode_has_the_numbers_of_its_info_in_the_catalog(redis_url: str, tmp_path: Path) -> None:
    with EpisodeRecorder(redis_url, run_id="measured", strict=True) as recorder:
        for episode_id in range(4):
            recorder.record_step(episode_id, 0, (), (), 0, 1.0)
            info = {"solved": episode_id > 1, "path_length": 3.5 * episode_id, "env_id": "Maze-v0", "seed": episode_id}
            recorder.finish_episode(episode_id, {"info": info})
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"recording": {"criteria": {"periodic": {"interval": 2}}}}))
    places = {
        "HAMLET_RECORDER_REDIS__URL": redis_url,
        "HAMLET_RECORDER_RECORDINGS_DIR": str(tmp_path),
        "HAMLET_RECORDER_DATABASE": str(tmp_path / "catalog.db"),
    }
    app = create_app(load_settings(config, env=places), redis_url=redis_url)
    app.tasks[EVALUATE]("measured")
    app.tasks[WRITE]("measured", [0, 2])
    app.close()
    with Catalog(tmp_path / "catalog.db") as catalog:
        points = catalog.learning_curve("measured")
        found = find_highlights(catalog, "measured", "info.path_length")
    expected = [{"solved": float(number > 1), "path_length": 3.5 * number} for number in range(4)]
    assert [point.metrics for point in points] == expected
    assert {"info.path_length", "info.solved"} <= set(found.measures)
    assert [(each.title, each.text, each.value) for each in found.highlights[:2]] == [
        ("Highest", "7.000", 7.0),
        ("Lowest", "0.000", 0.0),
    ]
    with Catalog(tmp_path / "new.db") as rebuilt:
        storage = LocalStorage(tmp_path)
        reindex(storage, rebuilt, recording_names(storage))
        assert [point.metrics for point in rebuilt.learning_curve("measured")] == [expected[0], expected[2]]


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**400, "1", None, [1], {"a": 1}])
def test_only_finite_numbers_are_metrics(value: object) -> None:
    assert episode_metrics({"odd": value, 7: 1.0, "x" * 65: 1.0, "": 1.0, "seed": 4}) is None


def test_an_episode_has_so_many_metrics_at_most() -> None:
    assert len(episode_metrics({str(number): number for number in range(100)}) or ()) == MAX_METRICS
