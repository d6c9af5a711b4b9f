"""The process of a voice: reads requests from standard input, writes WAV files, and answers on standard output.

A request is a line of JSON, ``{"text": …, "path": …}``. The answer is ``{"n_samples": …, "rate": …}`` or ``{"error": …}``;
the first answer, before any request, says whether the voice was loaded. The process ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
import wave
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from worker.voices.espeak import EspeakSpeaker
from worker.voices.piper import PiperSpeaker

__all__ = ["SPEAKERS", "main"]


class _Speaker(Protocol):
    rate: int

    def speak(self, text: str) -> NDArray[np.int16]: ...


SPEAKERS = {"piper": PiperSpeaker, "espeak": EspeakSpeaker}


def main(name: str, model: str = "") -> None:
    """Load a voice and serve requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print to standard output
    try:
        speaker: _Speaker = SPEAKERS[name](Path(model) if model else None)
    except Exception as error:  # noqa: BLE001 - the parent gets a library's error, whatever it is
        _answer(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    _answer(answers, {"rate": speaker.rate})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            samples = speaker.speak(request["text"])
            with wave.open(request["path"], "wb") as file:
                file.setparams((1, 2, speaker.rate, len(samples), "NONE", ""))
                file.writeframes(samples.astype("<i2").tobytes())
            _answer(answers, {"n_samples": len(samples), "rate": speaker.rate})
        except Exception as error:  # noqa: BLE001 - as above
            _answer(answers, {"error": f"{type(error).__name__}: {error}"})


def _answer(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
