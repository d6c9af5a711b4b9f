"""The states of simulators: ``reading`` records them with each step, ``restoration`` draws an episode from them."""

from recorder.wrappers.states.reading import LaneStates, States
from recorder.wrappers.states.restoration import Restoration

__all__ = ["LaneStates", "Restoration", "States"]
