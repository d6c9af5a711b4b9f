"""Colour and sign of each agent: the team gives the hue, the agent's id the shade and the sign.

They depend on names alone, so that an agent looks the same in all episodes of a run that have the same teams.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from recorder.outline.looks import DARK

__all__ = ["AgentLook", "agent_looks"]

_N_SHADES = 3
_N_HUES = len(DARK.agents) // _N_SHADES
_HUE_WORDS = {"blue": 0, "orange": 1, "green": 2, "purple": 3, "pink": 3, "cyan": 4, "yellow": 5, "violet": 6, "red": 7}
"""A team that has the name of a colour gets it, as far as it is free."""
_NUMBER = re.compile(r"(\d+)\D*$", re.ASCII)
_SIGN_LENGTH = 2


class AgentLook(NamedTuple):
    """``number`` selects one of ``Colors.agents``; ``sign``, at most two characters, stands on the agent."""

    number: int
    sign: str


def agent_looks(teams: Mapping[str, str]) -> tuple[dict[str, AgentLook], dict[str, int]]:
    """The look of each agent, and the number of each team's colour.

    Args:
        teams: id of each agent to its team; empty for none. Each agent without a team gets a hue for itself.
    """
    families = {agent_id: ("team", team) if team else ("agent", agent_id) for agent_id, team in teams.items()}
    hues = _numbers(families.values())
    looks = {agent_id: _look(agent_id, hues[families[agent_id]], bool(teams[agent_id])) for agent_id in teams}
    return looks, {name: hue % _N_HUES * _N_SHADES for (kind, name), hue in hues.items() if kind == "team"}


def _look(agent_id: str, hue: int, has_team: bool) -> AgentLook:
    shade = (_own_number(agent_id) if has_team else hue // _N_HUES) % _N_SHADES
    return AgentLook(hue % _N_HUES * _N_SHADES + shade, _sign(agent_id))


def _sign(agent_id: str) -> str:
    """The last number in an id, or its first letter."""
    number = _NUMBER.search(agent_id)
    if number:
        return number[1][-_SIGN_LENGTH:]
    return next((letter.upper()[:1] for letter in agent_id if letter.isalpha()), "?")


def _wanted(name: str) -> int:
    word = _HUE_WORDS.get(re.sub(r"[^a-z].*", "", name.lower()))
    if word is not None:
        return word
    return _own_number(name)


def _own_number(name: str) -> int:
    number = _NUMBER.search(name)
    return int(number[1][-9:]) if number else zlib.crc32(name.encode("utf-8", "surrogatepass"))


def _numbers(families: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """A number for each family: its name chooses, and equal choices get the next free numbers in order of names."""
    numbers: dict[tuple[str, str], int] = {}
    taken: set[int] = set()
    for family in sorted(set(families)):
        turn = len(taken) // _N_HUES * _N_HUES
        wanted = _wanted(family[1])
        number = next(n for n in (turn + (wanted + i) % _N_HUES for i in range(_N_HUES)) if n not in taken)
        taken.add(number)
        numbers[family] = number
    return numbers
