"""Zoom, pulse, captions and the card at the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recorder.catalog import EpisodeRow
from recorder.episode_file import open_episode
from recorder.outline import Marker, Outline
from recorder.outline.markers import event_text
from recorder.storage import episode_path
from recorder.video.options import VideoOptions
from tests.video.conftest import RUN, Recordings
from tests.video.decoding import frame_hashes_of
from tests.video.sample import sample_episode, sample_steps
from worker.video import export_episode_video
from worker.video.cards.emphasis import _magnified
from worker.video.cards.end_card import coming_after, hook_of
from worker.video.episode.series import EpisodeSeries, LearningPoint
from worker.video.in_run import make_renderer

N_STEPS = 60
CRISIS = 30


@pytest.fixture(scope="module")
def episode():
    steps = []
    for step in sample_steps(N_STEPS):
        meters = np.full(len(step.meters), 0.6)
        if CRISIS <= step.step < CRISIS + 5:
            meters[0] = 0.05
        steps.append(replace(step, meters=tuple(meters), interaction_progress=0.0, position=(3, 3), reward=1.0))
    return sample_episode(steps=steps)


def renderer_of(episode, **choices):
    return make_renderer(episode, VideoOptions.chosen(dpi=40, steps_per_second=8, hold_secs=0.5, **choices))


def changed(renderer, plain, frame):
    """Which rows and columns differ from the plain video, by panel."""
    return (renderer.frame(frame) != plain.frame(frame)).any(axis=2)


def test_the_board_is_enlarged_while_a_meter_is_critical_and_nothing_is_left_behind(episode) -> None:
    renderer, plain = renderer_of(episode, emphasis=True, captions="none"), renderer_of(episode)
    board = renderer.layout.board
    inside = np.zeros((renderer.canvas.height, renderer.canvas.width), np.bool_)
    inside[board.y : board.bottom, board.x : board.right] = True
    middle = renderer.timeline.frame_of_step(CRISIS + 1)
    for frame in (0, middle, renderer.timeline.frame_of_step(CRISIS + 20)):
        differs = changed(renderer, plain, frame)
        assert differs.any() == (frame == middle)
        assert not (differs & ~inside).any()
    assert changed(renderer, plain, middle)[board.y + board.height // 2].sum() > board.width / 10


def test_a_frame_depends_only_on_its_number(episode) -> None:
    choices = {"emphasis": True, "pace": "story", "title_secs": 0.2}
    renderer = renderer_of(episode, **choices)
    for frame in (renderer.n_frames - 1, 0, renderer.timeline.frame_of_step(CRISIS), 1, renderer.n_frames - 2):
        np.testing.assert_array_equal(renderer.frame(frame), renderer_of(episode, **choices).frame(frame))


def test_captions_say_what_happens_for_a_second_and_a_half(episode) -> None:
    (marker,) = [marker for marker in Outline.of(episode).markers() if marker.kind == "low_meter"]
    renderer, plain = renderer_of(episode, captions="burn"), renderer_of(episode)
    first = renderer.timeline.frame_of_step(marker.index)
    shown = [frame for frame in range(renderer.n_frames) if changed(renderer, plain, frame).any()]
    assert shown == list(range(first, first + 45))


def test_the_last_frames_have_a_card_with_the_outcome(episode) -> None:
    renderer, plain = renderer_of(episode, emphasis=True), renderer_of(episode)
    last = renderer.n_frames - 1
    middle = renderer.layout.frame.center
    assert changed(renderer, plain, last)[round(middle[1]), round(middle[0]) - 40 : round(middle[0]) + 40].any()
    before = last - round(0.5 * 30)
    assert not changed(renderer, plain, before).any()


def test_nothing_shines_through_the_card_at_the_end(episode) -> None:
    renderer = renderer_of(episode, emphasis=True)
    pixels = renderer.frame(renderer.n_frames - 1)
    frame, height = renderer.layout.frame, renderer.layout.px(230)
    top = (frame.height - height) // 2
    above_the_text = pixels[top + height // 12 : top + height // 6, frame.width // 4 : -frame.width // 4]
    assert len(np.unique(above_the_text.reshape(-1, 3), axis=0)) == 1


def test_a_caption_tells_an_event() -> None:
    """It stays longer than a use."""
    assert event_text(Marker(3, "affordance", "using Bed", "Bed")) == "Starts Bed"
    assert event_text(Marker(3, "affordance", "at Bed", "Bed")) == "At Bed"
    assert event_text(Marker(3, "low_meter", "energy 7 %", "energy")) == "Energy 7 %"


def test_the_card_at_the_end_says_what_comes_next(recordings: Recordings, tmp_path: Path) -> None:
    def add(episode_id: int, stage: int) -> None:
        row = recordings.add(episode_id, 3, curriculum_stage=stage)
        episode = EpisodeRow(RUN, episode_id, decision="kept", reasons=row.reasons, curriculum_stage=stage)
        recordings.catalog.import_recordings([(episode, row)])

    for episode_id, stage in ((1, 1), (4, 1), (9, 2)):
        add(episode_id, stage)
    said = [
        coming_after(recordings.catalog, RUN, open_episode(recordings.folder / episode_path(RUN, episode_id)).metadata)
        for episode_id in (1, 4, 9)
    ]
    assert said == ["Next: episode 4", "Next: stage 2, episode 9", ""]
    large = {"dpi": 40, "preset": "ultrafast", "fps": 10, "hold_secs": 0.5, "emphasis": True, "chapters": False}
    hashes = []
    for _ in range(2):
        export_episode_video(1, recordings.database, recordings.folder, tmp_path / "v.mp4", **large)
        hashes.append(frame_hashes_of(tmp_path / "v.mp4"))
        add(3, 5)
    differs = [one != other for one, other in zip(*hashes, strict=True)]
    assert differs[-5:] == [True] * 5
    assert not any(differs[:-5])


def test_the_curve_has_a_dot_where_the_return_turns() -> None:
    steps = [
        replace(
            step, meters=(), interaction_progress=0.0, position=(3, 3), reward={20: 9.0, 40: -9.0}.get(step.step, 0.1)
        )
        for step in sample_steps(N_STEPS)
    ]
    episode = sample_episode(steps=steps, affordance_layout={}, meter_names=())
    renderer, plain = (renderer_of(episode, emphasis=emphasis, captions="none") for emphasis in (True, False))
    curve = renderer.layout.curve
    where = []
    for index in (19, 30, 50):
        frame = renderer.timeline.frame_of_step(index)
        differs = changed(renderer, plain, frame)
        assert differs.sum() == differs[curve.y : curve.bottom, curve.x : curve.right].sum()
        where.append(differs.any(axis=0).nonzero()[0])
    assert [len(columns) > 0 for columns in where] == [False, True, True]
    assert where[2].max() > where[1].max() + curve.width // 4


def test_an_episode_without_events_has_no_captions() -> None:
    calm = [replace(step, meters=(), interaction_progress=0.0, reward=1.0) for step in sample_steps(3)]
    episode = sample_episode(steps=calm, affordance_layout={})
    renderer, plain = renderer_of(episode, captions="burn"), renderer_of(episode)
    assert not any(changed(renderer, plain, frame).any() for frame in range(renderer.n_frames))


def test_magnifying_keeps_a_point_and_stays_within_the_picture() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[20, 30] = 255
    large = _magnified(picture, 1.3, 30.5, 20.5)
    assert np.abs(np.subtract(np.unravel_index(large[:, :, 0].argmax(), (40, 60)), (20, 30))).max() <= 1
    corner = _magnified(np.tile(np.arange(60, dtype=np.uint8)[None, :, None], (40, 1, 3)), 2.0, -50.0, 500.0)
    assert corner[:, 0, 0].max() == 0
    assert 28 <= corner[:, -1, 0].min() <= corner[:, -1, 0].max() <= 30


def test_the_title_says_why_to_watch(episode) -> None:
    series = EpisodeSeries(episode)
    own = series.metadata.total_reward
    assert hook_of(series, [LearningPoint(1, own - 1), LearningPoint(2, own)]) == "The best episode of the run"
    assert hook_of(series, [LearningPoint(1, own + 1), LearningPoint(2, own)]) == "The worst episode of the run"
    between = [LearningPoint(1, own + 1), LearningPoint(2, own - 1)]
    assert hook_of(series, between) == hook_of(series, []) == "Top 10 %"


def test_a_video_that_stops_before_the_end_does_not_tell_how_the_episode_went(episode) -> None:
    part = {"end_step": 20, "captions": "none"}
    renderer, plain = renderer_of(episode, emphasis=True, **part), renderer_of(episode, **part)
    assert not changed(renderer, plain, renderer.timeline.n_frames - 1).any()
    whole, plain = renderer_of(episode, emphasis=True, captions="none"), renderer_of(episode)
    assert changed(whole, plain, whole.timeline.n_frames - 1).any()
