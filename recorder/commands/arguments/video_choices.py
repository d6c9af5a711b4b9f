"""Options of every command that makes videos."""

from __future__ import annotations

import argparse
from typing import Any

from recorder.commands.arguments.parsing import non_negative, number, whole_number
from recorder.settings import Settings
from recorder.video.codecs import CODECS
from recorder.video.options import PROFILES, STYLES
from recorder.video.request import VIDEO_CHOICES
from recorder.video.sound_choices import THEMES

__all__ = ["add_sound_places", "add_video_choices", "choices_of", "sound_places_of"]


def add_video_choices(parser: argparse.ArgumentParser) -> None:
    """Add the options. One that is not given is None; then the profile or the default applies."""
    picture = parser.add_argument_group("picture")
    picture.add_argument("--profile", metavar="NAME", help=f"named set of options: {', '.join(PROFILES)}")
    picture.add_argument("--style", choices=STYLES, help="default: dark")
    picture.add_argument(
        "--dpi", type=whole_number, help="80 is 1280x720, 100 (default) 1600x900, 120 1920x1080, 150 2400x1350"
    )
    picture.add_argument("--learning-curve", action="store_true", default=None, help="show the run's learning curve")
    time = parser.add_argument_group("time")
    time.add_argument("--fps", type=number, help="frames a second (default: 30)")
    time.add_argument(
        "--steps-per-second", type=number, metavar="N", help="steps per second of video (default: one step a frame)"
    )
    time.add_argument("--speed", type=number, help="playback speed factor (default: 1)")
    time.add_argument("--from", type=non_negative, dest="first_step", metavar="STEP", help="first step shown, from 0")
    time.add_argument("--to", type=non_negative, dest="end_step", metavar="STEP", help="step after the last one shown")
    time.add_argument("--title-secs", type=number, metavar="SECS", help="seconds of the title card (default: 0)")
    time.add_argument("--hold-secs", type=number, metavar="SECS", help="seconds to hold the last step (default: 0)")
    sound = parser.add_argument_group("sound")
    sound.add_argument(
        "--effects", nargs="?", const=THEMES[0], metavar="THEME", help=f"sound effects: {', '.join(THEMES)}"
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


def add_sound_places(parser: argparse.ArgumentParser) -> None:
    """Add the options that name places on this machine, which a request for a worker can't have."""
    places = parser.add_argument_group("places of sounds (default: recording.render in the configuration)")
    places.add_argument("--sounds", metavar="DIR", help="folder of WAV files that replace sounds of --effects")


def sound_places_of(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """The places as arguments of the export functions; those of the configuration count only if they are needed."""
    configured = settings.render.sounds_dir if args.effects is not None else None
    return {"sounds_dir": args.sounds or configured}
