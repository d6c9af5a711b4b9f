"""Random episodes with unusual names, and a check of narrations that reads the recorded steps alone."""

from __future__ import annotations

import random
import re

from recorder.episode_file import Episode
from recorder.recorded_step import RecordedStep
from tests.video.sample import sample_episode
from worker.video.narration.names import shown_name
from worker.video.narration.narration import Line

NAMES = (
    "Bed", "Job", "energy", "GPU_temp", "Room 101", "<b>bold</b>", "a & b", "🎉 party", "冷蔵庫", "холодильник", "الطبيب",
    "{step}", "[x|y]", "-->", "x" * 90, "two\nlines", "Zürich", "R2-D2", "a\u202eb", "100%", "§", "$HOME", "step",
)  # fmt: skip
_NUMBER = re.compile(r"([+−])?(\d[\d,]*(?:\.\d+)?)(%)?")


def random_episode(seed: int) -> Episode:
    """An episode with crises, uses, rewards, a gap, and perhaps a death."""
    chance = random.Random(seed)
    names = chance.sample(NAMES, 8)
    meters, places = names[:3], {name: (chance.randrange(4), chance.randrange(4)) for name in names[3:]}
    scale, prize = chance.choice([1.0, 100.0]), chance.choice([0.5, 12345.6])
    levels = [scale * chance.random() for _ in meters]
    numbers, number, here = [], 0, (0, 0)
    steps = []
    n_steps = chance.randrange(1, 150)
    for i in range(n_steps):
        number += 1 if chance.random() > 0.01 else chance.randrange(2, 2000)
        numbers.append(number)
        here = chance.choice([here, *places.values()])
        levels = [min(scale, max(0.0, level + scale * chance.uniform(-0.2, 0.17))) for level in levels]
        steps.append(
            RecordedStep(
                step=number - 1,
                position=here,
                meters=tuple(levels) if i else (scale,) * 3,
                action=chance.randrange(4),
                reward=round(chance.choice([0.0, 0.0, 0.1, chance.uniform(-9, 9), prize]), 3),
                interaction_progress=chance.choice([0.0, 0.5]),
                done=i == n_steps - 1,
            )
        )
    return sample_episode(
        steps=steps,
        episode_id=chance.randrange(10**9),
        run_id=f"run-{seed}",
        meter_names=meters,
        affordance_layout=places,
        action_names=("Up", "Down", "Left", "Right"),
        total_reward=chance.uniform(-1e5, 1e5),
        survival_steps=n_steps,
        curriculum_stage=chance.choice([None, 3, 12]),
        reasons=chance.choice([("periodic",), ("stage_3_post_transition",)]),
    )


def wrong_in(line: Line, episode: Episode) -> str:
    """What a sentence says that the recorded steps do not; empty if all is right."""
    steps = list(episode.steps())
    metadata, step = episode.metadata, steps[line.fact.index]
    allowed = {_number(step.step)}
    name = _named(line, [*metadata.meter_names, *episode.affordances])
    if line.fact.kind == "intro":
        allowed = {_number(metadata.episode_id), _number(metadata.curriculum_stage or -1)}
    elif line.fact.kind == "stage":
        allowed = {_number(metadata.curriculum_stage or -1)}
    elif line.fact.kind == "use":
        if not any(
            tuple(step.position) == tuple(cell) and shown_name(own) == name for own, cell in episode.affordances.items()
        ):
            return f"the agent is not at {name!r}"
        allowed.add(_number(_n_uses(steps[: line.fact.index + 1], name, episode)))
    elif line.fact.kind in ("low", "critical", "recovered", "death"):
        top = 100.0 if max(value for other in steps for value in other.meters) > 1 else 1.0
        at = [
            value / top for own, value in zip(metadata.meter_names, step.meters, strict=True) if shown_name(own) == name
        ]
        limits = {"low": (0.1, 0.25), "critical": (0, 0.1), "death": (0, 0.1), "recovered": (0.25, 1.01)}[
            line.fact.kind
        ]
        if name and not any(limits[0] <= share < limits[1] for share in at):
            return f"{name!r} is at {at}"
        allowed |= {("", round(100 * share), True) for share in at}
    elif line.fact.kind in ("reward_up", "reward_down", "best_reward"):
        allowed.add(_number(step.reward))
        if line.fact.kind == "best_reward" and step.reward != max(other.reward for other in steps):
            return "it is not the greatest reward"
    elif line.fact.kind == "gap":
        allowed.add(_number(step.step - (steps[line.fact.index - 1].step if line.fact.index else -1) - 1))
    if line.fact.kind in ("death", "end"):
        allowed |= {_number(metadata.survival_steps), _number(round(metadata.total_reward, 2))}
    rest = re.sub(re.escape(name), "", line.text, flags=re.IGNORECASE) if name else line.text
    for sign, digits, percent in _NUMBER.findall(rest):
        found = ("−" if sign == "−" else "", float(digits.replace(",", "")), bool(percent))
        if not any(found[0] == own[0] and found[2] == own[2] and abs(found[1] - own[1]) < 0.006 for own in allowed):
            return f"the number {found} is none of {sorted(allowed)}"
    for own in (*metadata.meter_names, *episode.affordances):
        shown = shown_name(own)
        if (
            shown != name
            and len(shown) > 3
            and re.search(rf"(?<!\w){re.escape(shown)}(?!\w)", rest)
            and shown != "step"
        ):
            return f"it names {shown!r}"
    return ""


def _named(line: Line, names) -> str:
    """The name that the sentence has, found in the text."""
    found = [shown_name(name) for name in names if shown_name(name).casefold() in line.text.casefold()]
    own = line.fact.values.get("name", "")
    return own if own in found else max((name for name in found if name != "step"), key=len, default="")


def _n_uses(steps, name, episode) -> int:
    n_uses, before = 0, set()
    for step in steps:
        here = {
            own
            for own, cell in episode.affordances.items()
            if tuple(step.position) == tuple(cell) and step.interaction_progress > 0
        }
        n_uses += any(shown_name(own) == name for own in here - before)
        before = here
    return n_uses


def _number(value: float) -> tuple[str, float, bool]:
    return ("−" if value < 0 else "", abs(float(value)), False)
