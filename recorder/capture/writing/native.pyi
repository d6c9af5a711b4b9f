from collections.abc import Callable, Sequence
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
    def __init__(self, writer: RingWriter, *, head_at: int) -> None: ...
    def write(self, kind: int, episode_id: int, data: bytes) -> bool: ...
