"""A voice from the side of the program that makes a video: which ones are installed, and the process of one."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from recorder.child_process.modules import module_command
from recorder.errors import MissingExtraError, VideoError
from worker.voices import espeak, piper

__all__ = ["VOICE_HINT", "Voice", "choose_voice", "installed_voices"]

VOICE_HINT = "pip install 'hamlet-recorder[voice]'"

_LOAD_SECS = 120.0
"""A slow disk under load; the model has 60 MB."""
_SPEAK_SECS = 60.0
"""For one sentence, which usually takes less than two seconds."""


def installed_voices(model: Path | None = None) -> list[str]:
    """Return the names of the voices, the best one first.

    Args:
        model: a piper model of yours, which makes its package unnecessary.
    """
    needed = {"piper": piper.PACKAGES if model is None else piper.PACKAGES[:1], "espeak": espeak.PACKAGES}
    return [name for name, packages in needed.items() if all(find_spec(package) for package in packages)]


def choose_voice(wanted: str, model: Path | None = None) -> str | None:
    """Return the name of the voice to use; None if captions must do.

    Args:
        wanted: ``auto`` for the best one that is installed, or the name of a voice, or ``none``.
        model: a piper model of yours.

    Raises:
        MissingExtraError: the voice that was named is not installed.
    """
    if wanted == "none":
        return None
    installed = installed_voices(model)
    if wanted == "auto":
        return installed[0] if installed else None
    if wanted not in installed:
        raise MissingExtraError(f"The voice {wanted}", "voice")
    return wanted


class Voice:
    """A running voice, used as a context manager. It loads while its first sentence waits.

    Args:
        name: from ``choose_voice``.
        model: a piper model of yours; None for that of the package.

    Raises:
        VideoError: it can't be started.
    """

    def __init__(self, name: str, model: Path | None = None) -> None:
        self._name = name
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        try:
            command = module_command("worker.voices.speaker", name, *([] if model is None else [str(model)]))
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True
            )
        except OSError as error:
            self._log.close()
            raise VideoError(f"the voice {name} can't be started ({error.strerror or error})") from error
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
        self._is_loaded = False

    def __enter__(self) -> Voice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process. A sentence that another thread waits for fails."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._log.close()

    def speak(self, text: str, path: Path) -> float:
        """Speak a text to a WAV file.

        Returns:
            Its length in seconds.

        Raises:
            VideoError: the voice can't be loaded, failed, or took too long.
        """
        assert self._process.stdin is not None
        if not self._is_loaded:
            self._answer(_LOAD_SECS)
            self._is_loaded = True
        request = json.dumps({"text": text, "path": str(path)}).encode() + b"\n"
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
        except OSError as error:
            raise self._error("it has ended") from error
        answer = self._answer(_SPEAK_SECS)
        return float(answer["n_samples"]) / float(answer["rate"])

    def _listen(self, answers: IO[bytes]) -> None:
        with answers:
            for line in answers:
                self._answers.put(line)
            self._answers.put(b"")

    def _answer(self, secs: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=secs)
        except queue.Empty as error:
            raise self._error(f"no answer within {secs:g} seconds") from error
        if not line:
            raise self._error("it has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise self._error(answer["error"])
        return answer

    def _error(self, reason: str) -> VideoError:
        self._log.seek(0)
        lines = self._log.read()[-2000:].decode(errors="replace").strip().splitlines()
        last = f" ({lines[-1]})" if lines and "has ended" in reason else ""
        return VideoError(f"the voice {self._name} failed: {reason}{last}")
