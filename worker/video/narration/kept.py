"""Keeps a spoken narration in one file, for other workers on the same video."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from zipfile import ZipFile

from worker.video.narration.captions import Cue
from worker.video.narration.facts import Fact
from worker.video.narration.narration import Line, Narration

__all__ = ["keep_narration", "kept_cues", "kept_narration"]

_TEXT = "narration.json"


def keep_narration(narration: Narration, path: Path) -> None:
    """Write sentences, notes and speech; the file appears when it is complete.

    Raises:
        OSError: there is no room for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    lines = [{**asdict(line), "speech": line.speech and line.speech.name} for line in narration.lines]
    try:
        with ZipFile(part, "w") as file:
            file.writestr(_TEXT, json.dumps({"lines": lines, "notes": narration.notes}))
            for line in narration.lines:
                if line.speech is not None:
                    file.write(line.speech, line.speech.name)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def kept_narration(path: Path, folder: Path) -> Narration:
    """Read a narration.

    Args:
        folder: gets the speech.
    """
    with ZipFile(path) as file:
        lines, notes = _texts(file)
        heard = []
        for line in lines:
            if line.speech is not None:
                with file.open(line.speech.name) as source, (folder / line.speech.name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                line = replace(line, speech=folder / line.speech.name)
            heard.append(line)
    return Narration(tuple(heard), notes)


def kept_cues(path: Path) -> list[Cue]:
    """Read the sentences alone."""
    with ZipFile(path) as file:
        return Narration(*_texts(file)).cues()


def _texts(file: ZipFile) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """The lines, whose speech is a name in the file, and the notes."""
    kept = json.loads(file.read(_TEXT))
    lines = (
        Line(**{**line, "fact": Fact(**line["fact"]), "speech": line["speech"] and Path(line["speech"])})
        for line in kept["lines"]
    )
    return tuple(lines), tuple(kept["notes"])
