"""Videos of episodes whose steps are turns show what was said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recorder.capture import EpisodeRecorder
from recorder.episode_file import Episode
from recorder.outline import Said, conversation_columns, said_in
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.pace import reading_spans
from recorder.video.timeline import make_timeline
from tests.capture.recorded import close_and_read
from worker.video.canvas import fonts
from worker.video.canvas.masks import lettering, text_width
from worker.video.panels.parts.wrapping import wrapped
from worker.video.renderer import EpisodeVideoRenderer

CALL = {"function": {"name": "calculator", "arguments": '{"a": 1}'}}
PARTS = [{"type": "image_url"}, {"type": "text", "text": "this?"}]
TURNS: list[tuple[Any, list[Said]]] = [
    ([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "<b>hi</b>"}],
     [Said("system", "Be kind."), Said("user", "<b>hi</b>")]),
    ([{"role": "assistant", "content": None, "tool_calls": [CALL]}], [Said("tool call", 'calculator({"a": 1})')]),
    ({"role": "user", "content": PARTS}, [Said("user", "[image_url]\nthis?")]),
    ("no JSON", [Said("", "no JSON")]),
    ("[1, 2]", [Said("", "[1, 2]")]),
    ("{broken", [Said("", "{broken")]),
    ([{"score": 3}], [Said("", '{"score": 3}')]),
    ([{"role": 7, "content": 8, "tool_calls": 9}], [Said("7", "8")]),
    ("long " * 400, [Said("", "long " * 400)]),
    ("x" * 9000, [Said("", "x" * 8192 + " …")]),
]  # fmt: skip


@pytest.fixture(scope="module")
def chat() -> Episode:
    recorder = EpisodeRecorder(strict=True)
    for turn, (messages, _) in enumerate(TURNS):
        recorder.record_turn(0, turn, messages=messages, reward=0.5, prompt_tokens=20 + turn)
    recorder.finish_episode(0)
    return close_and_read(recorder)[0].episode


def test_what_was_said_is_read_from_every_form_of_messages(chat: Episode) -> None:
    columns = conversation_columns(chat)
    assert columns == ["extras.messages"]
    assert [said_in(chat, columns, turn) for turn in range(len(TURNS))] == [said for _, said in TURNS]


def test_texts_that_change_are_a_conversation_and_one_that_stays_is_none() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(6):
        extras = {
            "mission": "go home",
            "observation": f"You are in room {step}.",
            "action": "north" if step % 2 else "east",
        }
        recorder.record_step(0, step, position=None, meters=None, action=None, reward=1.0, extras=extras)
        recorder.record_agents(
            1, step, {name: {"reward": 1.0, "extras": {"message": f"{name} {step}"}} for name in "ab"}
        )
        calls = [{"name": "look", "arguments": {}}]
        recorder.record_turn(2, step, messages=[], tool_calls=calls)
    for episode_id in range(3):
        recorder.finish_episode(episode_id)
    game, agents, tools = (it.episode for _, it in sorted(close_and_read(recorder).items()))
    assert said_in(game, conversation_columns(game), 3) == [
        Said("action", "north"),
        Said("observation", "You are in room 3."),
    ]
    assert said_in(agents, conversation_columns(agents), 2) == [Said("a", "a 2"), Said("b", "b 2")]
    assert said_in(tools, conversation_columns(tools), 0) == [Said("", "[]"), Said("tool call", "look({})")]


def test_a_frame_shows_the_turns_up_to_its_step_and_a_long_one_scrolls(chat: Episode) -> None:
    timeline = make_timeline(chat.n_steps, fps=10, steps_per_second=1)
    renderer = EpisodeVideoRenderer(chat, width=640, height=360, timeline=timeline)
    board = renderer.layout.board

    def shown(frame: int, renderer: EpisodeVideoRenderer = renderer) -> bytes:
        return bytes(renderer.frame(frame)[board.y : board.bottom, board.x : board.right].tobytes())

    firsts = [timeline.frame_of_step(step) for step in range(chat.n_steps)]
    assert len({shown(frame + 9) for frame in firsts}) == chat.n_steps
    assert shown(firsts[3]) == shown(firsts[3] + 9), "a short turn stands still"
    assert len({shown(firsts[9] + number) for number in range(10)}) > 4
    again = EpisodeVideoRenderer(chat, width=640, height=360, timeline=timeline)
    assert shown(firsts[9] + 2, again) == shown(firsts[9] + 2)
    curves = EpisodeVideoRenderer(chat, width=640, height=360, timeline=timeline, source="board")
    assert shown(firsts[3], curves) != shown(firsts[3])
    both = EpisodeVideoRenderer(chat, width=640, height=360, timeline=timeline, source="both")
    assert len({shown(firsts[3], each) for each in (curves, both, renderer)}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "some words and a " + "verylongword" * 9,
        "三百九十一は素数ではありません。" * 4,
        "one\n\n two",
        json.dumps(list(range(60))),
        "",
    ],
)
def test_every_line_fits_and_nothing_is_lost(text: str) -> None:
    lines = wrapped(text, 180, 15)
    assert all(text_width(line, 15) <= 180 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.fixture
def no_system_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has matplotlib's fonts alone."""

    def forget() -> None:
        for cached in (fonts.runs_of, fonts._font_with, fonts._system_fonts, lettering, text_width):
            cached.cache_clear()

    forget()
    monkeypatch.setattr("worker.video.canvas.fonts.findSystemFonts", list)
    yield
    forget()


@pytest.mark.usefixtures("no_system_fonts")
def test_a_letter_is_drawn_by_a_font_that_has_it_or_as_a_box() -> None:
    (usual, _), (other, circled) = fonts.runs_of("a Ⓐ", bold=True)
    assert circled == "Ⓐ"
    assert usual != other
    ((_, shown),) = fonts.runs_of("\U0010fffd\t日\ufe0f\u200d", bold=False)
    assert shown == f"  {fonts.MISSING}"
    wide, narrow = lettering("a Ⓐ b", 20), lettering("a b", 20)
    assert wide.width == text_width("a Ⓐ b", 20) > narrow.width
    assert np.count_nonzero(wide.mask.coverage) > np.count_nonzero(narrow.mask.coverage)


def test_a_conversation_with_long_silence_is_drawn() -> None:
    recorder = EpisodeRecorder(strict=True)
    for step in range(700):
        extras = {"message": f"word {step}"} if step % 650 == 0 else {}
        recorder.record_step(0, step, position=None, meters=None, action=None, reward=1.0, extras=extras)
    recorder.finish_episode(0)
    renderer = EpisodeVideoRenderer(close_and_read(recorder)[0].episode, width=640, height=360)
    frames = [renderer.frame(step).copy() for step in (600, 650)]
    board = renderer.layout.board
    silent, said = (frame[board.y : board.bottom, board.x : board.right] for frame in frames)
    assert (silent != said).any()


def test_a_turn_of_a_story_lasts_as_long_as_it_takes_to_read_within_limits(chat: Episode) -> None:
    options = VideoOptions.chosen(pace="story", fps=10.0)
    timeline = timeline_of(chat, options)
    starts = [timeline.time_of_step(step) for step in range(chat.n_steps)]
    secs = np.diff([*starts, timeline.n_frames / 10])
    n_letters = [sum(len(said.text) for said in turn) for _, turn in TURNS]
    np.testing.assert_allclose(secs, np.minimum(1 + np.array(n_letters) / 20, 12), atol=0.11)
    assert timeline.n_frames <= options.most_frames(chat.n_steps)
    part = timeline_of(chat, replace(options, first_step=2, end_step=4))
    assert part.n_frames / 10 == pytest.approx(secs[2:4].sum(), abs=0.2)
    assert timeline_of(chat, replace(options, source="board")).n_frames < timeline.n_frames / 5
    for n_turns in (1, 40, 10_000):
        long = options.timeline(n_turns, spans=reading_spans([500] * n_turns, 8.0))
        assert long.n_frames <= options.most_frames(n_turns)
        assert long.n_frames / 10 == pytest.approx(max(min(12.0 * n_turns, 300.0), n_turns / 8), rel=0.01)
