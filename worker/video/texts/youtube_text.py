"""Title, description and tags for an upload, from the recording. Pure."""

from __future__ import annotations

from recorder.episode_file import Episode
from recorder.values.number_format import format_count, format_number
from recorder.video.timeline import Timeline
from worker.video.texts.chapters import MIN_CHAPTER_SECS, chapter_spans

__all__ = ["youtube_text"]

_MAX_TITLE = 100
_MAX_DESCRIPTION = 5000
_MAX_TAGS = 500
_MIN_CHAPTERS = 3
"""YouTube shows chapters from three on, the first at 0:00, each of ten seconds or more."""


def youtube_text(episode: Episode, timeline: Timeline) -> str:
    """Return a text with the parts ``Title``, ``Description`` and ``Tags``, within YouTube's limits.

    Source: https://support.google.com/youtube/answer/57407 and /9884579.
    """
    metadata = episode.metadata
    env_id = metadata.info.get("env_id")
    task = f" in {env_id}" if isinstance(env_id, str) and env_id else ""
    stage = "" if metadata.curriculum_stage is None else f", stage {metadata.curriculum_stage}"
    title = (
        f"A reinforcement-learning agent{task}: episode {format_count(metadata.episode_id)}{stage}, "
        f"return {format_number(metadata.total_reward)}"
    )
    n_steps = metadata.survival_steps or episode.n_steps
    lasts = f"{format_count(n_steps)} step{'' if n_steps == 1 else 's'}"
    facts = [
        f"Episode {format_count(metadata.episode_id)} of run {metadata.run_id}." if metadata.run_id else "",
        _shown(episode, timeline),
        f"The episode lasts {lasts}; its return is {format_number(metadata.total_reward)}.",
        f"The training had taken {format_count(metadata.env_steps)} steps before it." if metadata.env_steps else "",
    ]
    chapters = chapter_spans(episode, timeline)
    parts = ["\n".join(_plain(fact) for fact in facts if fact)]
    if len(chapters) >= _MIN_CHAPTERS and all(part.end - part.start >= MIN_CHAPTER_SECS for part in chapters):
        parts.append("\n".join(f"{_clock(part.start)} {_plain(part.title)}" for part in chapters))
    parts.append("Recorded and rendered with hamlet-recorder.")
    tags = ["reinforcement learning", "machine learning", "RL agent", "training", *metadata.affordance_layout]
    return (
        f"Title\n{_cut(_plain(title), _MAX_TITLE)}\n\n"
        f"Description\n{_cut(chr(10).join(f'{part}{chr(10)}' for part in parts).rstrip(), _MAX_DESCRIPTION)}\n\n"
        f"Tags\n{_joined(tags)}\n"
    )


def _shown(episode: Episode, timeline: Timeline) -> str:
    """Return which steps the video shows; nothing if it shows all."""
    if (timeline.first_index, timeline.end_index) == (0, episode.n_steps):
        return ""
    first, last = (int(episode.step_numbers[index]) for index in (timeline.first_index, timeline.end_index - 1))
    return f"The video shows its steps {format_count(first)} to {format_count(last)}."


def _clock(secs: float) -> str:
    """Return ``1:05``, or ``1:00:05``, rounded down."""
    minutes, rest = divmod(int(secs), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _plain(text: str) -> str:
    """Return the text without angle brackets, which YouTube refuses, and on one line."""
    return " ".join(text.replace("<", "‹").replace(">", "›").split())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _joined(tags: list[str]) -> str:
    joined = ""
    for tag in dict.fromkeys(_plain(tag).replace(",", " ") for tag in tags):
        if len(joined) + len(tag) + 2 > _MAX_TAGS:
            break
        joined += f"{', ' if joined else ''}{tag}"
    return joined
