"""Writes an episode with the page's player into one HTML file."""

from __future__ import annotations

import secrets
from pathlib import Path

from recorder.episode_file import Episode
from recorder.errors import VideoError
from recorder.html_file.document import build_html

__all__ = ["export_episode_html"]


def export_episode_html(episode: Episode, path: Path) -> int:
    """Write the document atomically.

    Returns:
        The file's size in bytes.

    Raises:
        EpisodeFileError: as ``build_html``.
        VideoError: it can't be written.
    """
    document = build_html(episode).encode()
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(document)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise VideoError(f"can't write the page ({error.strerror}): {path}") from error
    return len(document)
