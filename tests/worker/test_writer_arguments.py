"""Arguments of ``RecordingWriter``: criteria in every form, the loaded configuration, and invalid values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recorder import Catalog, EpisodeRecorder, load_settings, open_episode
from recorder.errors import RecorderError
from recorder.redis_server.embedded import EmbeddedServer
from recorder.settings import PeriodicSettings, Settings
from recorder.step_stream import RedisStepStream
from tests.capture.recorded import finished_episodes
from tests.worker.recording import play
from worker import PerformanceCriterion, PeriodicCriterion, RecordingWriter, StageBoundariesCriterion
from worker.criteria import Criterion, EpisodeSummary, Explanation, Observation

EVERY_THIRD: dict[str, Any] = {"periodic": {"interval": 3}}
YAML = """\
recording:
  enabled: true
  recordings_dir: "{folder}/recordings"
  format: 1
  criteria:
    periodic:
      enabled: true
      interval: 3
    stage_transitions: {{enabled: false}}
    performance: {{enabled: false}}
    stage_boundaries: {{enabled: false}}
"""


class Always(Criterion):
    """A criterion of the user's own."""

    name = "always"

    def observe(self, episode: EpisodeSummary) -> Observation:
        return Observation((), Explanation(self.name, False, episode.total_reward))


def settings_in(folder: Path) -> Settings:
    (folder / "config.yaml").write_text(YAML.format(folder=folder))
    return load_settings(folder / "config.yaml", env={})


def recorded(writer: RecordingWriter, recorder: EpisodeRecorder, folder: Path) -> list[int]:
    """Ids of what is kept of seven episodes."""
    with writer:
        for episode_id in range(7):
            play(recorder, episode_id, n_steps=3)
    with Catalog(folder / "demo.db", read_only=True) as catalog:
        return [row["episode_id"] for row in catalog.query_recordings(order="episode_id")]


@pytest.mark.parametrize(
    "criteria_of",
    [
        lambda settings: settings,
        lambda settings: settings.criteria,
        lambda settings: settings.recording.criteria,
        lambda settings: settings.criteria.model_dump(),
        lambda _: EVERY_THIRD,
        lambda _: {"periodic": PeriodicSettings(interval=3)},
        lambda _: {**EVERY_THIRD, "custom": {}},
        lambda _: [PeriodicCriterion(interval=3)],
        lambda _: (PeriodicCriterion(interval=3), StageBoundariesCriterion(0, 0), PerformanceCriterion(), Always()),
        lambda _: PeriodicCriterion(interval=3),
        lambda _: iter([PeriodicCriterion(interval=3)]),
    ],
)
def test_the_writer_accepts_criteria_in_every_form(criteria_of: Any, tmp_path: Path) -> None:
    recorder = EpisodeRecorder(strict=True)
    criteria = criteria_of(settings_in(tmp_path))
    writer = RecordingWriter(recorder, tmp_path / "demo.db", tmp_path / "elsewhere", criteria=criteria)
    assert recorded(writer, recorder, tmp_path) == [0, 3, 6]


@pytest.mark.parametrize("spelled", [str, Path])
def test_a_writer_with_three_arguments_uses_the_loaded_configuration(spelled: Any, tmp_path: Path) -> None:
    config = settings_in(tmp_path)
    assert config.recording.enabled
    recorder = EpisodeRecorder(strict=True)
    writer = RecordingWriter(
        recorder=recorder, database=tmp_path / "demo.db", recordings_dir=spelled(config.recording.recordings_dir)
    )
    assert recorded(writer, recorder, tmp_path) == [0, 3, 6]
    (file, *_) = sorted((tmp_path / "recordings" / recorder.run_id).iterdir())
    assert open_episode(file).version == 1


def test_a_writer_uses_its_recorders_settings(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings_in(tmp_path).model_copy(update={"recordings_dir": "other"})
    recorder = EpisodeRecorder.from_settings(settings, strict=True)
    writer = RecordingWriter(recorder, tmp_path / "demo.db", tmp_path / "elsewhere")
    assert recorded(writer, recorder, tmp_path) == [0, 3, 6]


def test_the_configuration_file_can_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text(YAML.format(folder=tmp_path))
    monkeypatch.setenv("HAMLET_RECORDER_CONFIG", str(tmp_path / "config.yaml"))
    recorder = EpisodeRecorder(strict=True)
    writer = RecordingWriter(recorder, tmp_path / "demo.db", tmp_path / "elsewhere")
    assert recorded(writer, recorder, tmp_path) == [0, 3, 6]


@pytest.mark.parametrize("folder", ["new/recordings", "recordings"])
def test_a_folder_that_is_missing_is_made(folder: str, tmp_path: Path) -> None:
    recorder = EpisodeRecorder(run_id="fresh")
    database = (tmp_path / folder).parent / "catalog.db"
    with RecordingWriter(recorder, database, tmp_path / folder, criteria=EVERY_THIRD):
        play(recorder, 0, n_steps=3)
    assert list((tmp_path / folder).glob("*/episode_000000.msgpack.lz4"))
    assert database.exists()


def test_a_recorder_from_settings_finds_the_redis_beside_the_recordings(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with EmbeddedServer(settings.embedded_server_dir) as server:
        with EpisodeRecorder.from_settings(settings, strict=True, run_id="found") as recorder:
            assert recorder.stream.is_remote
            play(recorder, 0, n_steps=3)
        stream = RedisStepStream(server.url, purpose="worker")
        assert list(finished_episodes(stream, "found")) == [0]
        stream.close()
        with EpisodeRecorder.from_settings(settings, stream=None) as recorder:
            assert not recorder.stream.is_remote, "it was asked not to look"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"recorder": None}, "recorder: expected an EpisodeRecorder, found NoneType"),
        ({"database": None}, "database: expected a Catalog, or its path or URL"),
        ({"recordings_dir": None}, "recordings_dir: expected a folder or a URL, found NoneType"),
        ({"criteria": 5}, r"criteria: expected settings, a mapping .*, or a list of criteria .*; found int"),
        ({"criteria": "periodic"}, "found str"),
        ({"criteria": ["periodic"]}, "found str in the list"),
        ({"criteria": [PeriodicCriterion]}, "found the class PeriodicCriterion in the list"),
        ({"criteria": [PeriodicCriterion(1), PeriodicCriterion(2)]}, "criteria need different names"),
        ({"criteria": {"periodic": 5}}, r"criteria\.periodic: expected a mapping such as"),
        ({"criteria": {"periodical": {}}}, "unknown key 'periodical'; the nearest is 'periodic'"),
        ({"criteria": {"custom": 5}}, r"criteria\.custom: expected a mapping"),
    ],
)
def test_invalid_arguments_are_refused_with_one_sentence(arguments: dict[str, Any], said: str, tmp_path: Path) -> None:
    with EpisodeRecorder() as recorder, pytest.raises(RecorderError, match=said):
        RecordingWriter(
            **{"recorder": recorder, "database": tmp_path / "demo.db", "recordings_dir": tmp_path, **arguments}
        )
