"""Render workers whose messages a test delivers, and whose clock it moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.catalog import VideoRow
from recorder.settings import load_settings
from recorder.storage import open_storage
from replay_server.videos.render_requests import RenderRequests
from worker.video.files.video_files import LocalVideos
from worker.video.queue.context import RenderContext, RenderLimits
from worker.video.queue.planning import begin_video, sweep_videos
from worker.video.queue.rendering import render_segment

if TYPE_CHECKING:
    from tests.video.conftest import Recordings

__all__ = ["CHOICES", "Cluster"]

CHOICES = {"dpi": 20, "preset": "ultrafast", "crf": 0, "fps": 10, "steps_per_second": 10}


@dataclass
class Cluster:
    """Workers whose messages are delivered when the test says so; the clock stands still until it is moved."""

    recordings: Recordings
    messages: list[tuple[Any, ...]] = field(default_factory=list)
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.context = RenderContext(
            catalog=self.recordings.catalog,
            storage=open_storage(self.recordings.folder),
            videos=LocalVideos(self.recordings.folder / "videos"),
            send_segment=lambda *message: self.messages.append(message),
            send_video=lambda video_id: self.messages.append((video_id,)),
            limits=RenderLimits(lease_secs=60, report_secs=0.0),
            now=lambda: self.at,
        )
        settings = load_settings(overrides={"recordings_dir": str(self.recordings.folder)})
        self.requests = RenderRequests(self.recordings.catalog, settings, now=lambda: self.at)

    def ask(self, episode_id: int = 1, **choices: Any) -> str:
        row, _ = self.requests.ask(None, episode_id, {**CHOICES, **choices})
        return row.video_id

    def begin(self, n_steps: int) -> str:
        """Ask for a video of a new recording; its segments are planned and handed out."""
        self.recordings.add(1, n_steps)
        video_id = self.ask()
        begin_video(self.context, video_id)
        return video_id

    def start_elsewhere(self, video_id: str) -> None:
        """Another worker begins the first segment."""
        self.recordings.catalog.start_segment(video_id, 0, now=self.at + timedelta(seconds=1), lease_secs=60)

    def deliver(self, message: tuple[Any, ...]) -> None:
        if len(message) == 1:
            begin_video(self.context, *message)
        else:
            render_segment(self.context, *message)

    def run(self, times: int = 1) -> None:
        """Sweep, and deliver every message ``times`` times, until nothing is left."""
        sweep_videos(self.context)
        while self.messages:
            message = self.messages.pop(0)
            for _ in range(times):
                self.deliver(message)

    def video(self, video_id: str) -> VideoRow:
        return self.recordings.catalog.get_video(video_id)

    def file(self, video_id: str) -> Path:
        return self.context.videos.folder / self.video(video_id).file_path

    def files(self) -> list[str]:
        folder = self.context.videos.folder
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
