"""An episode without positions: which rows it has, what they hold, and how they are drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recorder.video.timeline import make_timeline
from tests.video.sample import observed_steps, sample_episode, sample_steps
from worker.video import EpisodeVideoRenderer
from worker.video.canvas.theme import THEMES
from worker.video.episode.scales import scales_of
from worker.video.episode.series import EpisodeSeries
from worker.video.episode.signals import MAX_ROWS, choose_signals
from worker.video.panels.curve import thinned

BARE = {"affordance_layout": {}, "meter_names": (), "action_names": ()}


def observed(n_steps=60, **extras):
    """An episode with these extras instead, each a function of the step's number."""
    steps = observed_steps(n_steps)
    if extras:
        changed = {step.step: {name: value(step.step) for name, value in extras.items()} for step in steps}
        kept = {number: {k: v for k, v in values.items() if v is not None} for number, values in changed.items()}
        steps = [replace(step, extras=kept[step.step]) for step in steps]
    return sample_episode(steps=steps, **BARE)


def names(episode):
    rows = choose_signals(EpisodeSeries(episode))
    return [row.name + ("…" if row.component is None else "") for row in rows]


def test_the_rows_are_reward_action_meters_and_extras() -> None:
    assert names(observed()) == ["reward", "action", *(f"observation {i}" for i in range(4)), "value"]
    steps = [replace(step, position=()) for step in sample_steps(5, n_meters=2)]
    assert names(sample_episode(steps=steps, affordance_layout={})) == ["reward", "action", "energy", "hygiene"]


def test_an_observation_has_the_names_that_the_environment_gives() -> None:
    def rows(observation_names):
        episode = observed(observation=lambda _: np.zeros(2))
        episode.metadata.info = {"observation_names": observation_names}
        return names(episode)[2:]

    assert rows(["angle", "velocity"]) == ["angle", "velocity"]
    assert rows(["angle"]) == rows(7) == ["observation 0", "observation 1"]


def test_the_widest_column_becomes_a_band_if_there_are_too_many_numbers() -> None:
    assert len(names(observed(observation=lambda _: np.zeros(10)))) == MAX_ROWS
    assert names(observed(observation=lambda _: np.zeros(11))) == ["reward", "action", "observation…"]
    two = observed(wide=lambda _: np.zeros(376), narrow=lambda _: np.zeros((1, 3)))
    assert names(two) == ["reward", "action", "wide…", "narrow 0", "narrow 1", "narrow 2"]


def test_the_number_of_rows_is_limited() -> None:
    assert len(names(observed(**{f"e{i}": lambda _: np.zeros(2) for i in range(20)}))) == MAX_ROWS


def test_a_missing_value_is_a_hole_in_its_line() -> None:
    episode = observed(8, value=lambda step: float(step) if step % 2 else None)
    line = choose_signals(EpisodeSeries(episode))[-1].line
    assert line[1::2].tolist() == [1, 3, 5, 7]
    assert np.isnan(line[::2]).all()


def test_episodes_that_are_compared_share_the_scale_of_each_number() -> None:
    small, large = (EpisodeSeries(observed(value=lambda step: step * k)) for k in (1.0, 50.0))  # noqa: B023 - called at once
    assert scales_of(small, [large]).lines["extras.value", 0] == (0, 59 * 50)
    assert scales_of(small, [large]).lines == scales_of(large, [small]).lines


def test_an_action_with_one_component_is_a_number() -> None:
    steps = [replace(step, action=(step.step - 2.5,)) for step in observed_steps(5)]
    series = EpisodeSeries(sample_episode(steps=steps, **BARE))
    assert series.actions is None
    assert series.action_vectors[:, 0].tolist() == [-2.5, -1.5, -0.5, 0.5, 1.5]
    assert choose_signals(series)[1].line.tolist() == series.action_vectors[:, 0].tolist()
    assert EpisodeSeries(observed(5)).actions.tolist() == [0] * 5


CONTENTS = {
    "an observation": observed(40),
    "many numbers": observed(40, observation=lambda step: np.sin(step / 9 + np.arange(400))),
    "no finite number": observed(40, a=lambda _: np.full(3, np.nan), b=lambda _: np.full(30, np.inf)),
    "at some steps only": observed(40, a=lambda step: 1.0 if step > 20 else None, b=lambda _: True),
    "huge numbers": observed(40, a=lambda step: 1e300 * (-1) ** step, b=lambda step: np.full(20, 3e38 * (-1) ** step)),
    "pixels": observed(9, picture=lambda step: np.full((8, 8, 3), step, np.uint8)),
}


@pytest.mark.parametrize("name", list(CONTENTS))
@pytest.mark.parametrize("size", [(640, 360), (160, 160)])
def test_frames_do_not_depend_on_the_order_of_drawing(name: str, size: tuple[int, int]) -> None:
    episode = CONTENTS[name]

    def renderer():
        timeline = make_timeline(episode.n_steps)
        return EpisodeVideoRenderer(episode, width=size[0], height=size[1], timeline=timeline)

    one = renderer()
    forward = [one.frame(frame).copy() for frame in range(episode.n_steps)]
    back = renderer()
    for frame in reversed(range(0, episode.n_steps, 3)):
        assert (back.frame(frame) == forward[frame]).all(), f"frame {frame}"
    assert any((frame != forward[0]).any() for frame in forward[1:])


def test_a_line_is_bright_up_to_the_current_step() -> None:
    episode = observed(101, value=lambda step: float(step))
    renderer = EpisodeVideoRenderer(episode, width=960, height=540)
    board = renderer.layout.board
    colour = THEMES["dark"].series[2]  # the third row: reward, action, value
    reach = []
    for step in (30, 90):
        pixels = renderer.frame(step)[board.y : board.bottom, board.x : board.right].astype(int)
        columns = np.nonzero((np.abs(pixels - colour).max(axis=2) <= 12).any(axis=0))[0]
        reach.append(np.ptp(columns))
    assert reach[1] / reach[0] == pytest.approx(3, rel=0.1)


def test_thinning_keeps_peaks_beside_holes() -> None:
    points = np.column_stack([np.arange(1000.0), np.zeros(1000)])
    points[::3, 1] = np.nan
    points[500, 1], points[700, 1] = 9, -9
    kept = thinned(points, 10)
    assert len(kept) <= 40
    assert {500, 700} <= set(kept[:, 0])
