"""How many lanes the doubles of other libraries have, and what their agents do."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.wrappers.counting_env import N_ACTIONS

N_LANES = 4


N_CALLS = 40


def drawn(count: int, call: int) -> Any:
    return (np.arange(count) * 7 + call * 13) % N_ACTIONS
