"""Several episodes in one video: reels and comparisons that differ in known ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from recorder.episode_file import Episode, open_episode
from recorder.video.timeline import make_timeline
from tests.video.sample import sample_file, sample_steps
from worker.video.narration.facts import Fact
from worker.video.sound.programmes.comparison import ComparisonProgramme
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.programmes.reel import ReelPart, ReelProgramme

__all__ = ["comparison_of", "episode_of", "facts_of_several", "reel_of"]


def episode_of(episode_id: int, rewards: Sequence[float], **changes) -> Episode:
    """An episode whose steps are equal but for the rewards."""
    steps = [
        replace(step, reward=reward, intrinsic_reward=0.0, done=step.step == len(rewards) - 1)
        for step, reward in zip(sample_steps(len(rewards)), rewards, strict=True)
    ]
    return open_episode(sample_file(steps=steps, episode_id=episode_id, total_reward=sum(rewards), **changes))


def programme_of(episode: Episode, *, start: float = 0.0, title_secs: float = 0.0) -> EpisodeProgramme:
    timeline = make_timeline(episode.n_steps, fps=10, steps_per_second=2, title_secs=title_secs, hold_secs=4.0)
    return EpisodeProgramme(episode, timeline, agent=None, start=Fraction(str(start)))


def comparison_of(left: Episode, right: Episode) -> ComparisonProgramme:
    """The sound of two episodes at two steps a second."""
    return ComparisonProgramme(programme_of(left), programme_of(right))


def reel_of(*episodes: tuple[Episode, int | None, str]) -> ReelProgramme:
    """The sound of episodes with their stages and picks, each with a title card of two seconds."""
    parts, start = [], 0.0
    for episode, stage, pick in episodes:
        programme = programme_of(episode, start=start, title_secs=2.0)
        parts.append(ReelPart(programme, stage, pick))
        start += float(programme.secs)
    return ReelProgramme(parts)


def facts_of_several() -> list[Fact]:
    """At least one fact of each kind that only several episodes have."""
    left, right = episode_of(1, [1.0, 2.0, 1.0]), episode_of(2, [1.0, 1.0, 1.0, 3.0])
    programmes = [
        comparison_of(left, right),
        comparison_of(left, left),
        reel_of((left, 1, "worst"), (right, 1, "best")),
    ]
    kinds = {"versus", "split", "same", "lead", "first_end", "win", "tie", "reel_stage", "clip"}
    return [timed.fact for one in programmes for timed in one.script().facts if timed.fact.kind in kinds]
