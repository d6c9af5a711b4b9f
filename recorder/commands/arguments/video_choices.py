"""Options of every command that makes videos."""

from __future__ import annotations

import argparse
from typing import Any

from recorder.commands.arguments.parsing import non_negative, number, whole_number
from recorder.errors import UsageError
from recorder.settings import RenderSettings, Settings
from recorder.video.codecs import CODECS
from recorder.video.options import PROFILES, SOURCES, STATES, STYLES
from recorder.video.pace import PACES
from recorder.video.request import VIDEO_CHOICES
from recorder.video.sound_choices import CAPTION_KINDS, NARRATION_STYLES, THEMES, VOICES

__all__ = ["add_studio", "add_video_choices", "choices_of", "refuse_studio", "studio_settings"]


def add_video_choices(parser: argparse.ArgumentParser) -> None:
    """Add the options. One that is not given is None; then the profile or the default applies."""
    picture = parser.add_argument_group("picture")
    picture.add_argument("--profile", metavar="NAME", help=f"named set of options: {', '.join(PROFILES)}")
    picture.add_argument("--style", choices=STYLES, help="default: dark")
    picture.add_argument(
        "--dpi", type=whole_number, help="80 is 1280x720, 100 (default) 1600x900, 120 1920x1080, 150 2400x1350"
    )
    picture.add_argument(
        "--source",
        choices=SOURCES,
        help="what the largest panel shows (default: recorded pictures, or else the board); with states the environment draws it",
    )
    picture.add_argument(
        "--agent", metavar="ID", help="of several agents, the one whose numbers are shown (default: the highest return)"
    )
    picture.add_argument("--learning-curve", action="store_true", default=None, help="show the run's learning curve")
    picture.add_argument(
        "--emphasis",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="zoom while a meter is critical, captions of what happens, a card with the outcome",
    )
    time = parser.add_argument_group("time")
    time.add_argument("--fps", type=number, help="frames a second (default: 30)")
    time.add_argument("--steps-per-second", type=number, metavar="N", help="steps per second of video (default: 8)")
    time.add_argument("--speed", type=number, help="playback speed factor (default: 1)")
    time.add_argument(
        "--pace", choices=PACES, help="story passes dull stretches faster and critical ones slower (default: steady)"
    )
    time.add_argument("--from", type=non_negative, dest="first_step", metavar="STEP", help="first step shown, from 0")
    time.add_argument("--to", type=non_negative, dest="end_step", metavar="STEP", help="step after the last one shown")
    time.add_argument("--title-secs", type=number, metavar="SECS", help="seconds of the title card (default: 0)")
    time.add_argument("--hold-secs", type=number, metavar="SECS", help="seconds to hold the last step (default: 0)")
    sound = parser.add_argument_group("sound")
    sound.add_argument(
        "--effects", nargs="?", const=THEMES[0], metavar="THEME", help=f"sound effects: {', '.join(THEMES)}"
    )
    sound.add_argument(
        "--narrate",
        nargs="?",
        const=NARRATION_STYLES[0],
        metavar="STYLE",
        help=f"a voice that says what happens: {', '.join(NARRATION_STYLES)}",
    )
    sound.add_argument("--voice", help=f"who speaks: {', '.join(VOICES)} (default: auto, the best one installed)")
    sound.add_argument(
        "--captions",
        help=f"file with the sentences, beside the video: {', '.join(CAPTION_KINDS)} (default with --narrate: vtt)",
    )
    encoder = parser.add_argument_group("encoder")
    encoder.add_argument("--codec", help=f"ffmpeg codec: {', '.join(CODECS)} (default: {CODECS[0]})")
    encoder.add_argument("--crf", type=whole_number, help="quality: lower is better and larger (default: 18)")
    encoder.add_argument(
        "--preset", help="x264 preset, ultrafast to veryslow; slower makes smaller files (default: slow)"
    )
    encoder.add_argument("--no-chapters", action="store_false", dest="chapters", default=None, help="write no chapters")


def choices_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name in VIDEO_CHOICES if (value := getattr(args, name, None)) is not None}


def add_studio(parser: argparse.ArgumentParser) -> None:
    """Add the options that name what this machine has for videos, which a request for a worker can't have."""
    studio = parser.add_argument_group("sounds, voice, language model, environments (default: recording.render)")
    studio.add_argument("--sounds", metavar="DIR", help="folder of WAV files that replace sounds of --effects")
    studio.add_argument("--voice-model", metavar="FILE", help="a piper voice: an .onnx file, its .onnx.json beside it")
    studio.add_argument("--llm", metavar="URL", help="OpenAI-compatible API that writes the narration")
    studio.add_argument(
        "--model", metavar="NAME", help="the model there; the key is in HAMLET_RECORDER_RENDER__LLM_KEY"
    )
    studio.add_argument("--llm-secs", type=number, metavar="SECS", help="longest time to wait for --llm (default: 20)")
    studio.add_argument(
        "--import", action="append", metavar="MODULE", help="module that registers environments, for --source states"
    )


_STUDIO_KEYS = {
    "sounds": "sounds_dir",
    "voice_model": "voice_model",
    "llm": "llm_url",
    "model": "llm_model",
    "llm_secs": "llm_secs",
    "import": "environments",
}


def studio_settings(args: argparse.Namespace, settings: Settings) -> RenderSettings:
    """The settings of what this machine has, with the options that were given.

    Raises:
        UsageError: an option is of no use without another one.
    """
    if args.sounds and args.effects is None:
        raise UsageError("--sounds needs --effects: it replaces sounds of a theme")
    if getattr(args, "import") and args.source != STATES:
        raise UsageError("--import needs --source states: only that makes an environment")
    for name in ("voice_model", "llm", "model", "llm_secs"):
        if getattr(args, name) is not None and args.narrate is None and args.captions is None:
            raise UsageError(f"--{name.replace('_', '-')} needs --narrate")
    given = {key: getattr(args, name) for name, key in _STUDIO_KEYS.items() if getattr(args, name) is not None}
    if "environments" in given:
        given["environments"] = " ".join(given["environments"])
    return settings.render.model_copy(update=given)


def refuse_studio(args: argparse.Namespace, why: str) -> None:
    """Refuse the options of ``add_studio``.

    Raises:
        UsageError: one was given.
    """
    given = [f"--{name.replace('_', '-')}" for name in _STUDIO_KEYS if getattr(args, name) is not None]
    if given:
        raise UsageError(f"{given[0]} {why}")
