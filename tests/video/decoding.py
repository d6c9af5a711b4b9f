"""Reading videos back with the ffmpeg that made them."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.video.encoding.ffmpeg import ffmpeg_path


class VideoFacts(NamedTuple):
    """What a file says of itself."""

    codec: str
    profile: str
    pixel_format: str
    colors: str
    width: int
    height: int
    fps: float
    text: str


def facts_of(path: Path) -> VideoFacts:
    """Read a file's header."""
    text = subprocess.run([ffmpeg_path(), "-hide_banner", "-i", str(path)], capture_output=True, text=True).stderr
    line = next(line for line in text.splitlines() if "Video:" in line)
    found = re.search(r"Video: (\w+)(?: \(([^)]*)\))?.*?, (\w+)(?:\(([^)]*)\))?.*?, (\d+)x(\d+).*?, ([\d.]+) fps", line)
    assert found is not None, line
    codec, profile, pixel_format, colors, width, height, fps = found.groups()
    return VideoFacts(codec, profile or "", pixel_format, colors or "", int(width), int(height), float(fps), text)


def frames_of(path: Path, *, pixel_format: str = "rgb24") -> NDArray[np.uint8]:
    """``uint8[n, height, width, 3]``: every frame."""
    facts = facts_of(path)
    decode = [
        "-i",
        str(path),
        "-map",
        "0:v",
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        "-pix_fmt",
        pixel_format,
        "-",
    ]
    raw = subprocess.run([ffmpeg_path(), "-loglevel", "error", *decode], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, facts.height, facts.width, 3)


def n_frames_of(path: Path) -> int:
    """How many frames can be decoded."""
    raw = subprocess.run(
        [ffmpeg_path(), "-loglevel", "error", "-i", str(path), "-map", "0:v", "-f", "framemd5", "-"],
        capture_output=True,
        check=True,
    ).stdout
    return sum(not line.startswith(b"#") for line in raw.splitlines())


def frame_hashes_of(path: Path) -> list[str]:
    """The MD5 of each decoded frame."""
    decode = ["-i", str(path), "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    raw = subprocess.run(
        [ffmpeg_path(), "-loglevel", "error", *decode], capture_output=True, check=True, text=True
    ).stdout
    return [line.rpartition(",")[2].strip() for line in raw.splitlines() if not line.startswith("#")]


def boxes_of(path: Path) -> list[str]:
    """The boxes of an MP4 file, in order."""
    data, offset, names = path.read_bytes(), 0, []
    while offset < len(data):
        size, name = struct.unpack_from(">I4s", data, offset)
        names.append(name.decode())
        offset += size if size > 1 else struct.unpack_from(">Q", data, offset + 8)[0] if size else len(data)
    return names
