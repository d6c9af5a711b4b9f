"""Finding black boxes that nobody sends any more: their trainer is gone, and so is its sender."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from recorder.black_box import Ring
from recorder.black_box.places import RING_SUFFIX, default_folder, ring_files, temporary_folder
from recorder.errors import BlackBoxError, BlackBoxInUseError, BlackBoxVersionError, RecorderError
from recorder.sender.draining import Drained, drain
from recorder.sender.files import remove_strays, set_aside
from recorder.step_stream import StepStream

__all__ = ["BoxState", "FoundBox", "find_boxes", "folders", "look_at", "note_named", "recover", "recover_folder"]

_log = logging.getLogger(__name__)

_STILL_SECS = 120.0
"""A network file system may keep locks for each machine alone. There, pages that a sender writes to arrive within a minute."""


class BoxState(Enum):
    """What can be done with a black box."""

    IN_USE = "in use"
    ABANDONED = "abandoned"
    UNREADABLE = "unreadable"


class FoundBox(NamedTuple):
    """A black box in a folder.

    Args:
        n_bytes: of records that nobody has acknowledged, as far as its header says.
        server: where its trainer sent to, without a password.
        why: why it is in use or unreadable.
        is_named: whether a log has named it as one that waits for another Redis.
    """

    path: Path
    state: BoxState
    run_id: str = ""
    host: str = ""
    pid: int = 0
    server: str = ""
    key_prefix: str = ""
    n_bytes: int = 0
    why: str = ""
    is_named: bool = False


def folders(named: str | None, recordings_dir: Path | None) -> list[Path]:
    """The folders where trainers of this user and of these recordings may have left black boxes.

    Args:
        named: ``capture.black_box_dir``.
        recordings_dir: None where it is no folder of this machine.
    """
    if named is not None:
        return [Path(named.removeprefix("file://"))]
    found = [default_folder(), temporary_folder()]
    if recordings_dir is not None:
        found.insert(0, default_folder(recordings_dir))
    return found


def find_boxes(places: Collection[Path], *, but: Collection[Path] = ()) -> Iterator[FoundBox]:
    """Look at the black boxes in some folders.

    Args:
        but: files that this process has open itself: opening them again would let go of their locks.
    """
    for folder in places:
        for path in ring_files(folder):
            if path not in but:
                yield look_at(path)


def look_at(path: Path) -> FoundBox:
    """Look at one, without changing anything."""
    try:
        with _abandoned(path) as ring:
            return _found(ring, path, BoxState.ABANDONED)
    except BlackBoxInUseError as error:
        with suppress(BlackBoxError):  # its trainer may just have removed it
            return _found_in_use(path, str(error))
        return FoundBox(path, BoxState.IN_USE, why=str(error))
    except BlackBoxError as error:
        return FoundBox(path, BoxState.UNREADABLE, why=str(error))


def note_named(path: Path) -> None:
    """A log names an abandoned box as one that waits for another Redis: nobody has to name it again."""
    with suppress(BlackBoxError), _abandoned(path) as ring:
        ring.is_named = True


def recover(path: Path, stream_of: Callable[[FoundBox], StepStream], *, secs: float) -> Drained:
    """Send what is left in an abandoned black box, and remove it.

    Args:
        stream_of: where to send; raises ``RecorderError`` where that can't be told, or is another installation's.
        secs: give up when the server acknowledges nothing for so long.

    Raises:
        BlackBoxInUseError: its trainer or its sender is at work.
        BlackBoxError: another program has written into it, or it is none; then it is set aside. Or it can't be opened.
        RecorderError: ``stream_of``'s.
    """
    try:
        with _abandoned(path) as ring:
            stream = stream_of(_found(ring, path, BoxState.ABANDONED))
            return drain(stream, ring, path, secs=secs)
    except BlackBoxError as error:
        if path.suffix != RING_SUFFIX or not _is_unreadable(error):
            raise
        raise BlackBoxError(f"{error}{_aside(path)}") from error


def recover_folder(
    folder: Path,
    stream_of: Callable[[FoundBox], StepStream],
    *,
    secs: float,
    takes: Callable[[FoundBox], bool] = lambda _box: True,
) -> int:
    """Recover the abandoned files of a folder; what goes wrong is logged.

    Args:
        stream_of, secs: as for ``recover``.
        takes: whether to recover an abandoned file; others are left without a word.

    Returns:
        How many were recovered whole.
    """
    n_recovered = 0
    for path in ring_files(folder):
        box = look_at(path)
        if box.state is BoxState.ABANDONED and not takes(box):
            continue
        try:
            drained = recover(path, stream_of, secs=secs)
        except BlackBoxInUseError:
            continue
        except (RecorderError, OSError) as error:
            _log.error("a black box is not recovered: %s", error)
            continue
        rest = f"; the rest stays: {drained.why_left}" if drained.why_left else ""
        _log.warning(
            "recovered %d steps and %d ends of episodes of run_id=%s, which a trainer had left in %s%s",
            drained.n_steps, drained.n_episodes, drained.run_id, path, rest,
        )  # fmt: skip
        if drained.why_left:
            break  # the server is away
        n_recovered += 1
    remove_strays(folder)
    return n_recovered


@contextmanager
def _abandoned(path: Path) -> Iterator[Ring]:
    """The ring with both of its locks.

    Raises:
        BlackBoxInUseError: somebody is at work.
        BlackBoxError: it can't be opened.
    """
    ring = Ring.open(path)
    try:
        if not ring.is_trainer_gone():
            raise BlackBoxInUseError(f"a trainer is writing this black box: {path}")
        ring.lock_as_sender()
        host = str(ring.identity.get("host", ""))
        if host != socket.gethostname() and (age_secs := time.time() - path.stat().st_mtime) < _STILL_SECS:
            raise BlackBoxInUseError(
                f"a trainer on {host} may be writing this black box, which changed {max(0.0, age_secs):.0f} s ago: {path}"
            )
        yield ring
    finally:
        ring.close()


def _found_in_use(path: Path, why: str) -> FoundBox:
    ring = Ring.open(path)
    try:
        return _found(ring, path, BoxState.IN_USE)._replace(why=why)
    finally:
        ring.close()


def _found(ring: Ring, path: Path, state: BoxState) -> FoundBox:
    said: Any = ring.identity
    return FoundBox(
        path,
        state,
        run_id=str(said.get("run_id", "")),
        host=str(said.get("host", "")),
        pid=int(said.get("pid") or 0),
        server=ring.server,
        key_prefix=str(said.get("key_prefix") or ""),
        n_bytes=ring.head - ring.tail,
        is_named=ring.is_named,
    )


def _is_unreadable(error: BlackBoxError) -> bool:
    """Whether nobody will ever read it: not one that is in use, of a newer version, or that this user may not open."""
    may_be_read = isinstance(error, BlackBoxInUseError | BlackBoxVersionError) or isinstance(error.__cause__, OSError)
    return not may_be_read


def _aside(path: Path) -> str:
    try:
        return f"; it is set aside as {set_aside(path).name}"
    except OSError as error:
        return f"; it can't be set aside ({error.strerror or error})"
