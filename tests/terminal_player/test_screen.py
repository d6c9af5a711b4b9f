"""What a terminal shows of a step."""

from __future__ import annotations

import numpy as np
import pytest

from recorder.episode_file import open_episode
from recorder.terminal_player import Film, Playback, draw
from recorder.terminal_player.board import affordance_marks
from recorder.values.number_format import format_number
from tests.agent_episodes import JOINS_AT, LEAVES_AT, NAMES, agent_episode_columns, agent_episode_table
from tests.episodes import make_columns, make_episode_file


def film(**changes: object) -> Film:
    return Film(open_episode(make_episode_file(**changes)), "title")  # type: ignore[arg-type]


def shown(film: Film, index: int, width: int = 100, height: int = 40) -> list[str]:
    return [line.plain for line in draw(film, Playback(film.n_steps, index=index), width, height)]


def test_the_agent_stands_where_it_was_recorded() -> None:
    columns = make_columns(50)
    episode = film(columns=columns)
    for index in (0, 13, 49):
        board = [line[1:49] for line in shown(episode, index)[2:26]]  # eight cells of three lines and six columns
        (row,) = [at for at, line in enumerate(board) if "●" in line]
        x, y = columns["position"][index]
        assert (board[row].index("●") // 6, row // 3) == (x, y), index
    assert "B Bed" in "\n".join(shown(episode, 0))


def test_numbers_are_those_of_the_recording() -> None:
    columns = make_columns(50)
    columns["action"][:] = 4
    lines = shown(film(columns=columns, intrinsic_weight=0.5), 19)
    text = "\n".join(lines)
    assert "step 19 / 49" in lines[0]
    assert f"return so far {format_number(20 + 0.5 * 0.25 * 20)}" in text
    assert "▶ interact" in text
    assert f"{format_number(float(columns['q_values'][19, 4]))}" in text


@pytest.mark.parametrize(("width", "height"), [(20, 5), (40, 12), (80, 24), (200, 60), (3, 2)])
def test_it_fits_any_terminal(width: int, height: int) -> None:
    lines = shown(film(), 10, width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)


def test_unusual_episodes_are_drawn() -> None:
    steps = {"reward": np.full(3, np.nan, np.float32), "action": np.zeros((3, 2), np.float32)}
    assert "return so far 0.00" in "\n".join(shown(film(columns=steps, affordance_layout={}), 2))
    far = make_columns(3)
    far["position"] = np.array([[np.inf, 0.0], [1e300, -1e300], [np.nan, 1.0]], np.float64)
    for index in range(3):
        assert shown(film(columns=far), index)
    assert shown(film(n_steps=1), 0)
    assert shown(film(n_dims=3), 5)
    assert shown(film(n_dims=1), 5)


def test_names_cannot_control_the_terminal() -> None:
    names = ("\x1b[2Jenergy", *(f"meter{number}" for number in range(7)))
    assert "\x1b" not in "\n".join(shown(film(meter_names=names), 5))


def test_each_place_has_a_letter_of_its_name_that_no_other_has() -> None:
    assert affordance_marks(["Bed", "Bath", "Ab", "ß"]) == {"Bed": "B", "Bath": "A", "Ab": "C", "ß": "S"}
    assert list(affordance_marks([f"x{number}" for number in range(30)]).values())[-4:] == ["*"] * 4


def test_all_agents_stand_on_the_board_and_the_numbers_are_those_of_one() -> None:
    columns = agent_episode_columns(40)
    episode = film(columns=columns, n_steps=40, agents=agent_episode_table(40), affordance_layout={}, **NAMES)
    playback = Playback(40, index=JOINS_AT + 2, n_agents=3, agent=episode.first_agent)
    playback.is_playing = False

    def lines() -> str:
        return "\n".join(line.plain for line in draw(episode, playback, 100, 40))

    assert "agent blue_0 (blue)" in lines()
    assert "return so far 6.00" in lines()

    def board() -> str:
        return "\n".join(line[1:49] for line in lines().splitlines()[2:26])

    assert [board().count(sign) for sign in ("●", "0", "1")] == [1, 1, 1]
    playback.press("]")
    assert "agent red_0 (red)" in lines()
    assert f"return so far {JOINS_AT + 3}.00" in lines()
    playback.press("[")
    playback.press("[")
    for _ in range(LEAVES_AT):
        playback.press(".")
    assert "agent red_1 (red)" in lines()
    assert "●" not in board(), "it has left"
