from __future__ import annotations

import math
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from recorder.episode import EpisodeStatus, Gap, Substrate
from recorder.errors import UsageError
from recorder.video.timeline import make_timeline
from tests.video.sample import PLACES, observed_steps, sample_episode, sample_steps
from worker.video import EpisodeVideoRenderer, VideoOptions
from worker.video.canvas.surface import TILE_COLUMNS, TILE_ROWS, Canvas
from worker.video.canvas.theme import THEMES, Color
from worker.video.compare import ComparisonRenderer
from worker.video.episode.scales import scales_of
from worker.video.episode.series import EpisodeSeries, LearningPoint
from worker.video.panels.parts.readout import Readout

SIZE = {"width": 640, "height": 360}
CURVE = [LearningPoint(i, math.sin(i / 30) * 100) for i in range(400, 600)]


def frames_in(order, **options):
    renderer = EpisodeVideoRenderer(
        sample_episode(40), timeline=make_timeline(40, steps_per_second=12, title_secs=0.1), **SIZE, **options
    )
    return {frame: renderer.frame(frame).copy() for frame in order}, renderer.n_frames


@pytest.mark.parametrize("style", list(THEMES))
def test_the_pixels_of_a_frame_do_not_depend_on_the_drawing_order(style: str) -> None:
    forward, n_frames = frames_in(range(100), style=style)
    order = list(range(n_frames))
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    random.Random(seed).shuffle(order)
    shuffled, _ = frames_in([*order, *order[:10]], style=style)
    for frame, pixels in forward.items():
        assert (pixels == shuffled[frame]).all(), f"frame {frame}"


def test_every_changed_tile_is_marked_for_the_encoder() -> None:
    renderer = EpisodeVideoRenderer(sample_episode(30), timeline=make_timeline(30, steps_per_second=12), **SIZE)
    renderer.draw(0)
    for frame in range(1, renderer.n_frames):
        before = renderer.canvas.pixels.copy()
        renderer.canvas.touched[:] = False
        renderer.draw(frame)
        rows, columns = np.nonzero((before != renderer.canvas.pixels).any(axis=2))
        assert renderer.canvas.touched[rows // TILE_ROWS, columns // TILE_COLUMNS].all(), f"frame {frame}"


def test_the_agent_is_drawn_at_its_position() -> None:
    steps = [replace(step, position=(5, 3), interaction_progress=0.0) for step in sample_steps(3)]
    renderer = EpisodeVideoRenderer(sample_episode(steps=steps, affordance_layout={}), width=960, height=540)
    pixels = renderer.frame(2)
    accent = np.abs(pixels.astype(int) - THEMES["dark"].agent).sum(axis=2) < 12
    board = renderer.layout.board
    rows, columns = np.nonzero(accent[board.y : board.bottom, board.x : board.right])
    grid = renderer.board
    x, y = grid.place((5, 3))
    assert abs(columns.mean() + board.x - x) < 1.5
    assert abs(rows.mean() + board.y - y) < 1.5


def without(*names):
    return [replace(step, **dict.fromkeys(names)) for step in sample_steps(5)]


CONTENTS = {
    "as recorded": {},
    "one step": {"steps": sample_steps(1)},
    "no Q-values": {"steps": without("q_values", "action_masks")},
    "no clock": {"steps": without("time_of_day", "interaction_progress", "epsilon")},
    "no meters": {"steps": [replace(step, meters=()) for step in sample_steps(5)], "meter_names": ()},
    "nothing but rewards": {
        "steps": [
            replace(step, meters=(), position=(), q_values=None, action_masks=None, time_of_day=None, action=())
            for step in sample_steps(5)
        ],
        "meter_names": (),
        "affordance_layout": {},
    },
    "NaN and infinities": {
        "steps": [
            replace(
                step,
                meters=(math.nan, math.inf, -math.inf, 0.5),
                reward=math.nan,
                q_values=(math.nan, math.inf),
                position=(math.nan, 1.0),
            )
            for step in sample_steps(5)
        ]
    },
    "40 meters and 200 actions": {
        "steps": sample_steps(5, n_meters=40, n_actions=200),
        "meter_names": (),
        "action_names": (),
    },
    "long names": {
        "meter_names": ["an exceedingly long name of a meter"] * 8,
        "action_names": ["turn around and walk back home"] * 6,
    },
    "names in other scripts": {"meter_names": ["睡眠", "énergie", "Ωmega", "голод", "a\nb", "🍕", "", "x"]},
    "1 dimension": {
        "steps": [replace(s, position=(s.step,)) for s in sample_steps(5)],
        "affordance_layout": {"Bed": (3,)},
    },
    "3 dimensions": {
        "steps": [replace(s, position=(s.step, 2, s.step % 3)) for s in sample_steps(5)],
        "affordance_layout": {"Bed": (1, 1, 1)},
    },
    "4 dimensions": {
        "steps": [replace(s, position=(s.step, 2, 3, 4)) for s in sample_steps(5)],
        "affordance_layout": {},
    },
    "a plane": {
        "steps": [replace(s, position=(s.step / 7, -s.step / 3)) for s in sample_steps(5)],
        "affordance_layout": {},
    },
    "a continuous substrate": {"substrate": Substrate("continuous", 2, 10, 10)},
    "a large grid": {"grid_size": 100},
    "a huge grid": {"grid_size": 5000},
    "a vector of actions": {"steps": [replace(s, action=(0.25, -1.0)) for s in sample_steps(5)]},
    "30 affordances": {"affordance_layout": {f"Affordance {i}": (i % 8, i // 8) for i in range(30)}},
    "a gap and a crash": {"gaps": (Gap(2, 5), Gap(4, None)), "status": EpisodeStatus.SALVAGED},
    "an affordance without a cell": {"affordance_layout": {**PLACES, "Nowhere": (), "Odd": (1, 2, 3)}},
}


@pytest.mark.parametrize("content", list(CONTENTS))
@pytest.mark.parametrize(("width", "height"), [(640, 360), (320, 360)])
def test_every_kind_of_recording_can_be_drawn(content: str, width: int, height: int) -> None:
    changes = dict(CONTENTS[content])
    episode = sample_episode(
        5, steps=changes.pop("steps", None), reasons=("top_10.0pct", "a_very_long_reason_of_a_criterion"), **changes
    )
    timeline = make_timeline(episode.n_steps, steps_per_second=15, title_secs=0.1)
    renderer = EpisodeVideoRenderer(episode, width=width, height=height, timeline=timeline, learning_curve=CURVE)
    for frame in range(renderer.n_frames):
        assert renderer.frame(frame).std() > 1


def test_a_masked_action_is_hatched() -> None:
    steps = sample_steps(2)
    open_steps = [replace(step, action_masks=(True,) * 6) for step in steps]
    masked = [replace(step, action_masks=(True,) * 5 + (False,)) for step in steps]
    one, other = (EpisodeVideoRenderer(sample_episode(steps=s), **SIZE).frame(0).copy() for s in (open_steps, masked))
    assert (one != other).any()


def test_low_meters_are_orange_and_nearly_empty_ones_red() -> None:
    for value, color in ((0.05, "empty"), (0.2, "low"), (0.3, "good"), (0.9, "good")):
        steps = [replace(step, meters=(value,) * 8, reward=0.0) for step in sample_steps(1)]
        pixels = EpisodeVideoRenderer(sample_episode(steps=steps), **SIZE).frame(0)
        shown = {
            name: int((pixels == getattr(THEMES["dark"], name)).all(axis=2).sum()) for name in ("empty", "low", "good")
        }
        assert max(shown, key=shown.__getitem__) == color, shown


def test_rewards_add_up_and_nan_counts_as_0() -> None:
    steps = [
        replace(step, reward=reward) for step, reward in zip(sample_steps(4), [1.0, math.nan, 2.5, -1.0], strict=True)
    ]
    assert EpisodeSeries(sample_episode(steps=steps)).cumulative.tolist() == [1.0, 1.0, 3.5, 2.5]


def scaled(n_steps, factor):
    """An episode whose meters, Q-values and rewards are so many times those of the sample."""
    steps = [
        replace(
            step,
            meters=tuple(factor * value for value in step.meters),
            q_values=tuple(factor * value for value in step.q_values),
            reward=factor * step.reward,
        )
        for step in sample_steps(n_steps)
    ]
    return sample_episode(steps=steps)


def test_episodes_side_by_side_have_the_same_scales() -> None:
    small, large = EpisodeSeries(scaled(20, 1)), EpisodeSeries(scaled(40, 50))
    assert scales_of(small, [large]) == scales_of(large, [small]) == scales_of(large)
    assert scales_of(small) != scales_of(large)


def test_meters_with_different_names_have_separate_scales() -> None:
    series = EpisodeSeries(scaled(20, 1))
    other = EpisodeSeries(
        sample_episode(steps=[replace(s, meters=(90.0,)) for s in sample_steps(5)], meter_names=("x",))
    )
    assert scales_of(series, [other]).meters == scales_of(series).meters


def test_the_same_value_has_the_same_bar_on_both_sides() -> None:
    quiet, loud = scaled(20, 1), scaled(40, 50)
    alone = EpisodeVideoRenderer(quiet, **SIZE).frame(10).copy()
    both = ComparisonRenderer(quiet, loud, VideoOptions(width=1280, height=360))
    swapped = ComparisonRenderer(loud, quiet, VideoOptions(width=1280, height=360))
    both.draw(10)
    swapped.draw(10)
    left, right = both.canvas.pixels[:, :640], swapped.canvas.pixels[:, 640:]
    assert (left == right).all()
    good = THEMES["dark"].good
    assert (left == good).all(axis=2).sum() < 0.2 * (alone == good).all(axis=2).sum()


def test_an_episode_without_steps_is_refused() -> None:
    with pytest.raises(UsageError, match="has no steps"):
        EpisodeVideoRenderer(sample_episode(steps=[]))


def test_an_unknown_style_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'dark'"):
        EpisodeVideoRenderer(sample_episode(2), style="drak")


def test_drawing_needs_few_modules() -> None:
    heavy = {"matplotlib.pyplot", "torch", "celery", "pydantic", "numpy.random"}
    code = f"import sys, worker.video; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("width", [480, 1280])
def test_no_number_is_cut_to_another_one(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def show(self: Readout, canvas: Canvas, text: str, size: int, color: Color, *, bold: bool = False) -> None:
        written.append(text)

    monkeypatch.setattr(Readout, "show", show)
    small = (-4.6e-3, 0.29, -1.2e-12, 1.23e-3, 0.4, -0.25)
    acting = [replace(step, q_values=small, reward=-3.4e-9) for step in sample_steps(3)]
    seeing = [
        replace(step, extras={"observation": np.array([i * -3.3e-11 - 1e-9, 0.5 - i], np.float64)})
        for i, step in enumerate(observed_steps(40))
    ]
    for steps in (acting, seeing):
        renderer = EpisodeVideoRenderer(sample_episode(steps=steps), width=width, height=width * 9 // 16)
        renderer.draw(1)
    assert not [text for text in written if "…" in text]
    assert {"−4.6e-3", "−1.2e-12", "−3.4e-9", "−1.0e-9"} <= set(written)
