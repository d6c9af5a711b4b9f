"""Makes a narration: from events to sentences that have a time and, if there is a voice, a sound."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recorder.errors import VideoError
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import NARRATION_STYLES, captions_of
from worker.video.narration.captions import Cue
from worker.video.narration.facts import Fact
from worker.video.narration.grammar import GrammarWriter
from worker.video.narration.language_model import LanguageModel, rewrite
from worker.video.narration.names import speakable
from worker.video.narration.schedule import Candidate, Placed, schedule
from worker.video.narration.script import Script, TimedFact
from worker.video.narration.vocabulary import BRIEF
from worker.video.sound.mixing import Speech
from worker.video.sound.studio import Studio
from worker.video.sound.wav_files import read_wav
from worker.video.sound.waves import RATE
from worker.voices.voice import VOICE_HINT, Voice, choose_voice

__all__ = ["Line", "Narration", "narrate", "narrating"]

_LETTERS_A_SECOND, _BREATH_SECS = 18.0, 0.45
"""How fast the voices speak and people read, to plan before a sentence is spoken."""
_LETTERS_A_DIGIT = 6
"""More than its own: a number is longer when it is spoken."""
_MARGIN = 1.15
"""For a sentence that must not be lost because it takes longer than it seemed."""
_LEAST_CAPTION_SECS = 1.2


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of a narration.

    Args:
        start, end: in seconds of the video.
        text: as in captions.
        fact: what it speaks of.
        speech: a WAV file; None without a voice.
    """

    start: float
    end: float
    text: str
    fact: Fact
    speech: Path | None = None


@dataclass(frozen=True, slots=True)
class Narration:
    """Sentences in order, and notes for the user about what could not be had."""

    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()

    def cues(self) -> list[Cue]:
        """The sentences as captions. A short one stays until it can be read, or the next one comes."""
        following = [*(line.start for line in self.lines[1:]), math.inf]
        return [
            Cue(line.start, max(line.end, min(line.start + _LEAST_CAPTION_SECS, next_start)), line.text)
            for line, next_start in zip(self.lines, following, strict=False)
        ]

    def speeches(self) -> list[Speech]:
        """The sentences as sounds."""
        return [
            Speech(round(line.start * RATE), round((line.end - line.start) * RATE), partial(read_wav, line.speech))
            for line in self.lines
            if line.speech is not None
        ]


@contextmanager
def narrating(
    script: Script, options: VideoOptions, studio: Studio, *, seed: int, folder: Path
) -> Iterator[Callable[[], Narration]]:
    """Write the sentences, and yield a function that speaks them, for another thread: it may take a third of the video's
    length. The voice ends with the block.

    Args:
        script: what may be said, and when.
        options: with a style in ``narrate``, or with captions alone.
        studio: the voice's model and the language model.
        seed: of the grammar.
        folder: for the speech.

    Raises:
        MissingExtraError: the chosen voice is not installed.
    """
    style = options.narrate or NARRATION_STYLES[0]
    name = choose_voice(options.voice, studio.voice_model) if options.narrate is not None else None
    notes: list[str] = []
    if options.narrate is not None and options.voice == "auto" and name is None:
        notes.append(f"no voice is installed{_what_is_left(options)}: {VOICE_HINT}")
    with ExitStack() as stack:
        voice = None
        try:
            if name is not None:  # first, because it loads while the sentences are written
                voice = stack.enter_context(Voice(name, studio.voice_model if name == "piper" else None))
        except VideoError as error:
            notes.append(f"{error}{_what_is_left(options)}")
        plan = _Plan(script, GrammarWriter(style, seed))
        if studio.language_model is not None:
            notes += plan.rewrite(studio.language_model, style)

        def finish() -> Narration:
            speech: dict[int, tuple[Path, float]] = {}
            more = []
            try:
                if voice is not None:
                    speech, note = plan.speak(voice, folder, studio.voice_secs)
                    more.append(note)
            except VideoError as error:
                more.append(f"{error}{_what_is_left(options)}")
            lines = plan.lines(speech)
            if not lines:
                more.append("the video is too short for a sentence: show more steps, or each of them for longer")
            return Narration(tuple(lines), tuple(note for note in (*notes, *more) if note))

        yield finish


def narrate(script: Script, options: VideoOptions, studio: Studio, *, seed: int, folder: Path) -> Narration:
    """Make a narration at once; as ``narrating``."""
    with narrating(script, options, studio, seed=seed, folder=folder) as finish:
        return finish()


class _Plan:
    """Sentences and their places, which change as their lengths become known."""

    def __init__(self, script: Script, writer: GrammarWriter) -> None:
        self._script = script
        self._facts = [timed.fact for timed in script.facts]
        self._sentences = [
            writer.write(timed.fact, has_room=partial(self._has_room, timed))
            if timed.fact.kind in BRIEF
            else writer.write(timed.fact)
            for timed in script.facts
        ]
        self._secs = [_estimate(text) for text in self._sentences]

    def _has_room(self, timed: TimedFact, text: str) -> bool:
        """Whether a sentence fits between an event at the end of a part and the end of that part."""
        first = timed.at + 1.0 if timed.at in self._script.climaxes else timed.at
        return first + _MARGIN * _estimate(text) <= min(timed.until, self._script.secs) - 0.2

    def _placed(self, chosen: list[int]) -> list[Placed]:
        timed = self._script.facts
        candidates = [
            Candidate(timed[i].at, self._secs[i], timed[i].fact.importance, timed[i].until, timed[i].over)
            for i in chosen
        ]
        return schedule(candidates, video_secs=self._script.secs, climaxes=self._script.climaxes)

    def _chosen(self) -> list[int]:
        every = list(range(len(self._sentences)))
        return [every[placed.place] for placed in self._placed(every)]

    def rewrite(self, model: LanguageModel, style: str) -> list[str]:
        """Let a language model write the sentences that have a place; the most important ones first."""
        facts = self._facts
        chosen = sorted(self._chosen(), key=lambda i: -facts[i].importance)
        found = rewrite(
            model,
            [facts[i] for i in chosen],
            [self._sentences[i] for i in chosen],
            style=style,
            names=self._script.names,
        )
        for place, text in found.sentences.items():
            self._sentences[chosen[place]] = text
            self._secs[chosen[place]] = _estimate(text)
        return [found.note]

    def speak(self, speaker: Voice, folder: Path, most_secs: float | None) -> tuple[dict[int, tuple[Path, float]], str]:
        """Speak the sentences that have a place, the most important ones first.

        Returns:
            File and length of each, and a note if the time was too short.
        """
        deadline = math.inf if most_secs is None else time.monotonic() + most_secs
        facts = self._facts
        spoken: dict[int, tuple[Path, float]] = {}
        chosen = sorted(self._chosen(), key=lambda i: (-facts[i].importance, i))
        for i in chosen:
            if time.monotonic() > deadline:
                return spoken, f"the voice had time for {len(spoken)} of {len(chosen)} sentences"
            text = speakable(self._sentences[i])
            if not any(letter.isalnum() for letter in text):
                continue
            path = folder / f"{i}.wav"
            spoken[i] = path, speaker.speak(text, path)
        return spoken, ""

    def lines(self, speech: dict[int, tuple[Path, float]]) -> list[Line]:
        """The sentences that have a place with their true lengths."""
        for i, (_, secs) in speech.items():
            self._secs[i] = secs
        chosen = sorted(speech) if speech else list(range(len(self._sentences)))
        lines = []
        for placed in self._placed(chosen):
            i = chosen[placed.place]
            path = speech[i][0] if i in speech else None
            lines.append(Line(placed.start, placed.end, self._sentences[i], self._facts[i], path))
        return lines


def _what_is_left(options: VideoOptions) -> str:
    has_file = captions_of(options.narrate, options.captions) is not None
    return ", so the narration is in the captions only" if has_file else ", so there is no narration"


def _estimate(text: str) -> float:
    n_letters = len(text) + _LETTERS_A_DIGIT * sum(letter.isdigit() for letter in text)
    return max(_LEAST_CAPTION_SECS, _BREATH_SECS + n_letters / _LETTERS_A_SECOND)
