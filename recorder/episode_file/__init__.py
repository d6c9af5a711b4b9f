"""Episode files. FORMAT.md in this folder is the specification; ``open_episode`` opens a file."""

from recorder.episode_file.episode import Episode
from recorder.episode_file.footer import ChunkRef
from recorder.episode_file.reader import MAX_FILE_BYTES, open_episode
from recorder.episode_file.version1 import build_version1
from recorder.episode_file.version2 import ReadLimits
from recorder.episode_file.version2_writer import build_version2

__all__ = ["MAX_FILE_BYTES", "ChunkRef", "Episode", "ReadLimits", "build_version1", "build_version2", "open_episode"]
