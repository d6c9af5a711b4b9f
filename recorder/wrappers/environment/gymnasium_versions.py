"""What differs between the versions of Gymnasium, from 0.29 on: the modes in which lanes are reset, and one base class."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import gymnasium
import gymnasium.vector
import gymnasium.wrappers

__all__ = [
    "AUTORESET_WRAPPERS",
    "FINAL_OBSERVATION_KEYS",
    "AnyVectorWrapper",
    "AutoresetMode",
    "VectorWrapper",
    "adopt",
    "autoreset_mode_of",
]


class AutoresetMode(Enum):
    """When a vector environment resets a lane whose episode is over; the values are Gymnasium's, from 1.1 on."""

    NEXT_STEP = "NextStep"
    SAME_STEP = "SameStep"
    DISABLED = "Disabled"


FINAL_OBSERVATION_KEYS = ("final_obs", "final_observation")
"""Where in the infos of ``SAME_STEP`` the last observations stand: since 1.1, and before 1.0."""

_IS_BEFORE_1 = int(gymnasium.__version__.split(".")[0]) < 1

AUTORESET_WRAPPERS = tuple(
    getattr(gymnasium.wrappers, name) for name in ("Autoreset", "AutoResetWrapper") if hasattr(gymnasium.wrappers, name)
)
"""What makes one environment reset itself: since 1.0, and before."""

if TYPE_CHECKING:
    from gymnasium.vector import VectorWrapper
    from gymnasium.vector import VectorWrapper as AnyVectorWrapper
else:
    AnyVectorWrapper = getattr(gymnasium.vector, "VectorWrapper", None) or gymnasium.vector.VectorEnvWrapper

    class VectorWrapper(AnyVectorWrapper):
        """Takes type parameters, which the class has in some versions alone."""

        def __class_getitem__(cls, _parameters: Any) -> type:
            return cls


def autoreset_mode_of(metadata: Mapping[str, Any]) -> AutoresetMode:
    """The mode that a vector environment tells; without one, ``SAME_STEP`` before Gymnasium 1.0, and ``NEXT_STEP`` since."""
    told = metadata.get("autoreset_mode")
    if told is None:
        return AutoresetMode.SAME_STEP if _IS_BEFORE_1 else AutoresetMode.NEXT_STEP
    return AutoresetMode(getattr(told, "value", told))


def adopt(wrapper: Any, env: Any) -> None:
    """Give a wrapper of a vector environment the attributes that it passes on with a warning before 1.0."""
    if _IS_BEFORE_1:
        for name in _PASSED_ON:
            if hasattr(env, name):
                setattr(wrapper, name, getattr(env, name))


_PASSED_ON = (
    "num_envs",
    "is_vector_env",
    "observation_space",
    "action_space",
    "single_observation_space",
    "single_action_space",
    "render_mode",
)
