"""The voice of espeak-ng, from the library that the package espeakng-loader brings.

Source: https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PACKAGES", "EspeakSpeaker"]

PACKAGES = ("espeakng_loader",)

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_RATE_PARAMETER, _WORDS_A_MINUTE = 1, 165
_VOICE = b"en-us"

_OnSamples = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakSpeaker:
    """Speaks American English.

    Args:
        model: not used.

    Raises:
        RuntimeError: the library can't be started.
    """

    def __init__(self, model: Path | None = None) -> None:
        del model
        from espeakng_loader import get_data_path, get_library_path  # lazy: only the process of the voice loads it

        self._library: Any = ctypes.CDLL(get_library_path())
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(get_data_path()).encode(), _DONT_EXIT))
        if self.rate <= 0:
            raise RuntimeError("espeak-ng can't be started")
        self._parts: list[NDArray[np.int16]] = []
        self._callback = _OnSamples(self._take)  # kept, because the library calls it later
        self._library.espeak_SetSynthCallback(self._callback)
        if self._library.espeak_SetVoiceByName(_VOICE) != 0:
            raise RuntimeError("espeak-ng has no English voice")
        self._library.espeak_SetParameter(_RATE_PARAMETER, _WORDS_A_MINUTE, 0)

    def _take(self, samples: Any, n_samples: int, events: Any) -> int:
        del events
        if samples and n_samples > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (n_samples,)).astype(np.int16))
        return 0

    def speak(self, text: str) -> NDArray[np.int16]:
        """``int16[n]`` at ``rate``."""
        self._parts = []
        data = text.encode() + b"\0"
        if self._library.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None) != 0:
            raise RuntimeError("espeak-ng refused the text")
        self._library.espeak_Synchronize()
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.int16)
