"""Colours and signs of agents."""

from __future__ import annotations

import itertools

import pytest

from recorder.outline.agents import agent_looks
from recorder.outline.looks import DARK, LIGHT


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_agent_can_be_seen_on_the_board_in_both_themes() -> None:
    assert len(DARK.agents) == len(LIGHT.agents)
    for colors in (DARK, LIGHT):
        assert all(_contrast(color, colors.ground) >= 3 for color in colors.agents)
        assert len(set(colors.agents)) == len(colors.agents)


def test_an_agent_keeps_its_look_when_others_of_the_same_teams_come_and_go() -> None:
    both = {"red_0": "red", "red_1": "red", "blue_0": "blue"}
    assert agent_looks(both)[0]["red_1"] == agent_looks({"red_1": "red", "blue_7": "blue"})[0]["red_1"]
    assert agent_looks(both)[1] == {"red": 21, "blue": 0}


def test_members_of_a_team_differ_in_sign_and_no_two_teams_have_a_colour_in_common() -> None:
    looks, _ = agent_looks({f"{team}_{number}": team for team in "abcdefgh" for number in range(3)})
    for one, other in itertools.combinations(looks, 2):
        if one[0] != other[0]:
            assert looks[one].number != looks[other].number
        else:
            assert looks[one] != looks[other]
    assert [looks[f"a_{number}"].sign for number in range(3)] == ["0", "1", "2"]


@pytest.mark.parametrize(("agent_id", "sign"), [("wolf", "W"), ("", "?"), ("agent_123", "23"), ("\udcff", "?")])
def test_an_agent_without_a_number_has_its_first_letter(agent_id: str, sign: str) -> None:
    assert agent_looks({agent_id: ""})[0][agent_id].sign == sign
