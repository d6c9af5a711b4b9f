"""Recording, integration and troubleshooting, as the original protocol shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from recorder import Catalog, EpisodeMetadata, EpisodeRecorder, Settings, load_settings, open_episode
from worker import RecordingWriter

N_STEPS = 30


def original_settings(tmp_path: Path, *, enabled: str = "true", criteria: str = "") -> Settings:
    """The file under 'Training Config', as far as a test needs it."""
    file = tmp_path / "config.yaml"
    file.write_text(
        f"""\
recording:
  enabled: {enabled}
  recordings_dir: "{tmp_path / "recordings"}"
  criteria:
    periodic:
      enabled: true
      interval: 2
{criteria}"""
    )
    return load_settings(file)


class Config:
    """What the original trainer calls ``config``."""

    def __init__(self, recording: Settings) -> None:
        self.recording = recording


class DemoRunner:
    """The original trainer with the lines that record; the comments are original."""

    recorder: EpisodeRecorder | None = None
    writer: RecordingWriter | None = None

    def __init__(self, config: Config, database: Path) -> None:
        self.database = database
        # In DemoRunner.__init__()
        if config.recording.enabled:
            self.recorder = EpisodeRecorder()
            self.writer = RecordingWriter(
                recorder=self.recorder,
                database=self.database,
                recordings_dir=config.recording.recordings_dir
            )  # fmt: skip
            self.writer.start()

    def train(self, n_episodes: int) -> None:
        position = torch.zeros(2, dtype=torch.int64)
        meters = torch.ones(8)
        q_values = torch.zeros(6)
        for episode_id in range(n_episodes):
            total_reward = 0.0
            for step in range(N_STEPS):
                # One buffer each, written over with every step, as trainers do.
                position[:] = torch.tensor([episode_id, step])
                meters[:] = 1.0 - step / N_STEPS
                q_values[:] = step
                action, reward, intrinsic_reward, done = step % 6, float(step), 0.5, step == N_STEPS - 1
                # In training loop (per step)
                if self.recorder:
                    self.recorder.record_step(
                        episode_id=episode_id,
                        step=step,
                        position=position,
                        meters=meters,
                        action=action,
                        reward=reward,
                        intrinsic_reward=intrinsic_reward,
                        done=done,
                        q_values=q_values  # Optional
                    )  # fmt: skip
                total_reward += reward
            metadata = EpisodeMetadata(
                episode_id=episode_id,
                survival_steps=N_STEPS,
                total_reward=total_reward,
                extrinsic_reward=total_reward,
                curriculum_stage=1,
                timestamp=1_700_000_000.0,
                affordance_layout={"Bed": (2, 3)},
                affordance_visits={"Bed": 1},
            )
            # At episode end
            if self.recorder:
                self.recorder.finish_episode(episode_id, metadata)

    def stop(self) -> None:
        if self.writer:
            assert self.writer.stop()


def recordings(database: Path) -> dict[int, Any]:
    with Catalog.open(database) as catalog:
        return {row["episode_id"]: row for row in catalog.query_recordings()}


def test_the_original_integration_snippet_records_unchanged(tmp_path: Path) -> None:
    runner = DemoRunner(Config(original_settings(tmp_path)), tmp_path / "demo.db")
    runner.train(5)
    runner.stop()
    found = recordings(tmp_path / "demo.db")
    assert {0, 2, 4} <= set(found)
    for episode_id, row in found.items():
        episode = open_episode(tmp_path / "recordings" / row["file_path"])
        assert episode.n_steps == N_STEPS
        assert episode.column("position").tolist() == [[episode_id, step] for step in range(N_STEPS)]
        assert episode.column("q_values")[:, 0].tolist() == list(range(N_STEPS))
        assert episode.step(N_STEPS - 1).done
        assert episode.metadata.total_reward == row["total_reward"] == sum(range(N_STEPS))
        assert (episode.metadata.survival_steps, dict(episode.metadata.affordance_visits)) == (N_STEPS, {"Bed": 1})
    assert runner.recorder is not None
    assert runner.recorder.stats().n_missing_steps == 0


def test_an_episode_is_written_at_its_end_marker(tmp_path: Path) -> None:
    runner = DemoRunner(Config(original_settings(tmp_path)), tmp_path / "demo.db")
    assert runner.recorder is not None
    runner.recorder.record_step(
        episode_id=0, step=0, position=(1, 2), meters=(0.5,), action=0, reward=1.0, intrinsic_reward=0.0, done=False
    )
    assert recordings(tmp_path / "demo.db") == {}
    runner.recorder.finish_episode(0, EpisodeMetadata(episode_id=0))
    runner.stop()
    assert list(recordings(tmp_path / "demo.db")) == [0]


def test_a_larger_queue_is_made_as_the_original_protocol_advises() -> None:
    # Queue full warning: increase queue size
    recorder = EpisodeRecorder(queue_maxsize=2000)
    for step in range(1500):
        recorder.record_step(0, step, (1, 2), (0.5,), 0, 1.0)
    recorder.finish_episode(0)
    assert recorder.close()
    assert recorder.stats().n_recorded_steps == 1500
    assert recorder.stats().n_missing_steps == 0


def test_nothing_is_recorded_while_recording_is_disabled(tmp_path: Path) -> None:
    # Missing recordings: check config: recording.enabled = true
    runner = DemoRunner(Config(original_settings(tmp_path, enabled="false")), tmp_path / "demo.db")
    runner.train(3)
    runner.stop()
    assert runner.recorder is None
    assert not (tmp_path / "demo.db").exists()
    assert not (tmp_path / "recordings").exists()


def test_nothing_is_recorded_when_no_criterion_matches(tmp_path: Path) -> None:
    # Missing recordings: check criteria: at least one criterion should match
    nothing = {name: {"enabled": False} for name in ("stage_transitions", "performance", "stage_boundaries")}
    recorder = EpisodeRecorder()
    criteria = {"periodic": {"enabled": True, "interval": 1000}, **nothing}
    with RecordingWriter(recorder, tmp_path / "demo.db", tmp_path / "recordings", criteria=criteria):
        for episode_id in (1, 2):
            recorder.record_step(episode_id, 0, (1, 2), (0.5,), 0, 1.0)
            recorder.finish_episode(episode_id)
    assert recordings(tmp_path / "demo.db") == {}
    with Catalog.open(tmp_path / "demo.db") as catalog:
        skipped = [catalog.get_episode(recorder.run_id, episode_id) for episode_id in (1, 2)]
    assert [row.decision for row in skipped] == ["skipped", "skipped"]
    assert all(row.why for row in skipped), "and 'hamlet-recorder why' says so"
