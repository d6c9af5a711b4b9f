"""What an algorithm of Stable-Baselines3 thinks of the states that it acts in: values, Q-values, how it explores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from recorder.capture import native_comparison
from recorder.capture.reading import at_address
from recorder.errors import UsageError

__all__ = ["PolicyWatch"]


class PolicyWatch:
    """Asks a model once a step.

    Args:
        model: a ``BaseAlgorithm``.
        wants_q_values: Q-values, too.

    Raises:
        UsageError: the model has no network of Q-values.
    """

    def __init__(self, model: Any, *, wants_q_values: bool) -> None:
        if wants_q_values and not hasattr(model, "q_net"):
            raise UsageError(f"q_values: {type(model).__name__} has no network of Q-values")
        self._model = model
        self._n_lanes = model.n_envs
        self._wants_q_values = wants_q_values
        self._explores = hasattr(model, "exploration_rate")
        self._rate = np.nan
        self._epsilon = np.full(model.n_envs, np.nan)
        self._thought: tuple[Any, Any] | None = None
        """What the network of Q-values was given last, and what it gave."""
        self._hook: Any = None
        self._is_of = _Comparison()

    def thoughts(self, told: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
        """What the model thought before the step that it has just made.

        Args:
            told: the callback's ``locals``.

        Returns:
            Of all lanes epsilon, action masks, Q-values, and the value of the state acted in; None for what there is not.
        """
        epsilon = None
        if self._explores:
            rate = self._model.exploration_rate
            if self._model.num_timesteps - self._n_lanes < told.get("learning_starts", 0):
                rate = 1.0
            if self._rate != rate:
                self._rate = rate
                self._epsilon.fill(rate)
            epsilon = self._epsilon
        values = told.get("values")
        q_values = self._q_values() if self._wants_q_values else None
        value = values.reshape(-1) if isinstance(values, torch.Tensor) else None
        return epsilon, told.get("action_masks"), q_values, value

    def forget(self) -> None:
        """What the network said last, it said for a gradient step."""
        self._thought = None

    def listen(self) -> None:
        """Hear what the network of Q-values says while ``learn`` runs."""
        self.stop_listening()
        if self._wants_q_values:
            self._hook = self._model.q_net.register_forward_hook(self._remember)

    def stop_listening(self) -> None:
        """``learn`` is over."""
        if self._hook is not None:
            self._hook.remove()
        self._hook = self._thought = None

    def _remember(self, _network: Any, given: tuple[Any, ...], q_values: Any) -> None:
        self._thought = (given[0], q_values) if len(given) == 1 else None

    def _q_values(self) -> Any:
        """Those that the model chose from; where it chose at random, one more pass through its network."""
        thought, self._thought = self._thought, None
        last = self._model._last_obs
        if thought is not None and self._is_of(thought[0], last):
            return thought[1]
        with torch.no_grad():
            observations, _ = self._model.policy.obs_to_tensor(last)
            q_values = self._model.q_net(observations)
        self._thought = None
        return q_values


class _Kind(NamedTuple):
    """A kind of observations that the network was given unchanged: tensors and arrays of it have the same bytes."""

    tensor_dtype: Any = None
    dtype: Any = None
    shape: tuple[int, ...] = ()
    at_address: Any = None


class _Comparison:
    """Says whether a tensor was made of an array: a network may have been asked about other observations since."""

    def __init__(self) -> None:
        self._kind = _Kind()
        self._look = native_comparison()

    def __call__(self, tensor: Any, observations: Any) -> bool:
        if observations.__class__ is not np.ndarray or tensor.__class__ is not torch.Tensor or not tensor.is_cpu:
            return False
        if (is_same := self._look(tensor, observations)) is not None:
            return is_same
        kind, shape = self._kind, tensor.shape
        if shape != observations.shape:
            return False
        if tensor.dtype is not kind.tensor_dtype or observations.dtype is not kind.dtype or shape != kind.shape:
            if tensor.detach().numpy().dtype != observations.dtype:
                return False
            kind = self._kind = _Kind(tensor.dtype, observations.dtype, tuple(shape), at_address(observations.nbytes))
        if not tensor.is_contiguous() or tensor.is_neg():
            return bool(tensor.detach().numpy().tobytes() == observations.tobytes())
        address = tensor.data_ptr()
        return bool(address) and bool(kind.at_address(address).raw == observations.tobytes())
