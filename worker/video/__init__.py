"""Videos of recorded episodes: drawn with matplotlib's rasteriser and numpy, encoded by ffmpeg."""

from __future__ import annotations

from importlib.util import find_spec

from recorder.errors import MissingExtraError

if find_spec("matplotlib") is None:
    raise MissingExtraError("Making videos", "video")

from recorder.video.options import PROFILES, VideoOptions
from worker.video.compare import export_comparison_video
from worker.video.encoding.frame_loop import VideoFile
from worker.video.export import BatchResult, batch_export_videos, export_episode_video, write_webvtt, write_youtube_text
from worker.video.narration.language_model import LanguageModel
from worker.video.reel import PICKS, export_reel_video
from worker.video.renderer import EpisodeVideoRenderer
from worker.video.sound.studio import Studio

__all__ = [
    "PICKS",
    "PROFILES",
    "BatchResult",
    "EpisodeVideoRenderer",
    "LanguageModel",
    "Studio",
    "VideoFile",
    "VideoOptions",
    "batch_export_videos",
    "export_comparison_video",
    "export_episode_video",
    "export_reel_video",
    "write_webvtt",
    "write_youtube_text",
]
