from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

from numpy.typing import NDArray

from recorder.black_box import RingWriter

INTERFACE: int
MAX_AXES: int
WHOLE: int
NUMBER: int
NUMBERS: int
SCALAR: int
ARRAY: int
TENSOR: int
OBJECT: int
TEXT: int
TEXTS: int

def has_exchange(cls: type[Any]) -> bool: ...
def is_same_memory(tensor: Any, array: Any) -> bool | None: ...

class NativeWriter:
    def __init__(
        self,
        writer: RingWriter,
        acquire: Callable[[], bool],
        *,
        columns: Sequence[tuple[int, str | None, int, str, int, tuple[int, ...], int, int, type[Any] | None]],
        absent: Sequence[int],
        n_arguments: int,
        as_array: Callable[[Any], NDArray[Any]],
        plain_bytes: Callable[[str, int], bytes | None],
        word: int,
        n_bytes: int,
        generation: int,
        is_large: bool,
        head_at: int,
    ) -> None: ...
    def write(self, *arguments: Any) -> bool | None: ...

class NativeEvents:
    is_over: bool
    def __init__(self, writer: RingWriter, *, late: Sized, gaps: Sized, head_at: int) -> None: ...
    def write(self, kind: int, episode_id: int, data: bytes) -> bool: ...

class NativeSteps:
    def __init__(
        self,
        path: Any,
        *,
        lane: int,
        mask_name: str,
        begin: Callable[[int], None],
        note: Callable[[float], None],
        clock: Callable[[], float],
        timed_every: int,
        timed_first: int,
    ) -> None: ...
    def write(self, episode_id: int, step: int, action: Any, result: tuple[Any, ...]) -> bool | None: ...

class NativeBlocks:
    def __init__(
        self,
        path: Any,
        *,
        episode_ids: NDArray[Any],
        steps: NDArray[Any],
        lanes: NDArray[Any] | None,
        nothing: NDArray[Any],
        note: Callable[[float], None],
        clock: Callable[[], float],
        timed_every: int,
    ) -> None: ...
    def write(
        self,
        actions: Any,
        rewards: Any,
        dones: Any,
        terminated: Any,
        truncated: Any,
        q_values: Any,
        epsilon: Any,
        action_masks: Any,
        extras: Mapping[str, Any],
    ) -> bool: ...

class NativeTemplate:
    def __init__(self, data: bytes, holes: Sequence[int]) -> None: ...

class NativeEnds:
    def __init__(
        self,
        events: NativeEvents,
        *,
        kind: int,
        end_id: Callable[[int], None],
        look: Callable[[], None],
        looked_every: int,
        n_places: int,
        n_numbers: int,
        has_axis: bool,
        item_bytes: int,
    ) -> None: ...
    def begin(self, rows: Any, places: Sequence[int]) -> bool: ...
    def forget(self, place: int) -> None: ...
    def numbers(self, place: int) -> tuple[float, ...] | None: ...
    def end(self, place: int, episode_id: int, template: NativeTemplate, total: float | None) -> bool: ...
