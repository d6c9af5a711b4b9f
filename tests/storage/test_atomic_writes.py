"""A file is there whole or not at all: when the disk is full, and when the writer is killed."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.errors import StorageError
from recorder.storage import LocalStorage
from recorder.storage.file_system import can_sync_file_system
from tests.waiting import DEADLINE_SECS

NAME = "r/episode_000000.msgpack.lz4"


def files_below(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("step", "n_files"), [("fsync", 1), ("replace", 1), ("fsync", 5), ("replace", 5), ("replace", 12)]
)
def test_a_full_disk_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, n_files: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    storage = LocalStorage(tmp_path)
    storage.write_all({NAME: b"before"})
    files = {f"r/episode_{n:06d}.msgpack.lz4": b"after" for n in range(n_files)}
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(StorageError, match=r"can't write recordings \(No space left on device\)"):
            storage.write_all(files)
    assert files_below(tmp_path) == [NAME]
    assert storage.read(NAME, max_bytes=9) == b"before"
    storage.write_all(files)
    assert {storage.read(name, max_bytes=9) for name in files} == {b"after"}


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"a file where the folder should be")
    with pytest.raises(StorageError, match="can't write recordings"):
        LocalStorage(tmp_path).write_all({NAME: b"x"})


@pytest.mark.parametrize("n_files", [1, 12])
def test_a_file_that_cannot_be_written_is_named_in_the_error(tmp_path: Path, n_files: int) -> None:
    (tmp_path / NAME).mkdir(parents=True)
    files = {f"r/episode_{n:06d}.msgpack.lz4": b"x" for n in range(n_files)}
    with pytest.raises(StorageError, match=rf"\): {re.escape(str(tmp_path / NAME))}$"):
        LocalStorage(tmp_path).write_all(files)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_writer_killed_before_the_rename_leaves_only_a_dot_file(tmp_path: Path, step: str) -> None:
    program = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from recorder.storage import LocalStorage
        os.{step} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        LocalStorage(Path(sys.argv[1])).write_all({{sys.argv[2]: b"after" * 1000}})
        """
    )
    storage = LocalStorage(tmp_path)
    storage.write_all({NAME: b"before"})
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path), NAME], timeout=DEADLINE_SECS)
    assert done.returncode == -signal.SIGKILL
    assert storage.read(NAME, max_bytes=9) == b"before"
    (left,) = [name for name in files_below(tmp_path) if name != NAME]
    assert left.startswith("r/.episode_000000")
    assert list(storage.names()) == [NAME]


def test_new_folders_are_synced_like_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    root = tmp_path.resolve() / "new" / "recordings"
    LocalStorage(root).write_all({NAME: b"data"})
    folders = [path for path in synced if path.suffix == "" and not path.name.startswith(".")]
    assert folders == [tmp_path.resolve(), tmp_path.resolve() / "new", root, root / "r"]


@pytest.mark.skipif(not can_sync_file_system(), reason="this system syncs files one by one")
def test_a_batch_is_synced_before_its_files_get_their_names(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from recorder.storage import LocalStorage
        os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        files = {f"r/episode_{n:06d}.msgpack.lz4": b"after" * 1000 for n in range(12)}
        LocalStorage(Path(sys.argv[1])).write_all(files)
        """
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=DEADLINE_SECS)
    assert done.returncode == -signal.SIGKILL
    left = files_below(tmp_path)
    assert len(left) == 12
    assert all(name.startswith("r/.episode_") for name in left)
    assert {(tmp_path / name).read_bytes() for name in left} == {b"after" * 1000}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small disk needs root: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_writing_works_again_when_a_full_disk_has_room(small_disk: Path) -> None:
    storage = LocalStorage(small_disk)
    storage.write_all({NAME: bytes(30_000)})
    other = NAME.replace("000000", "000001")
    for _ in range(3):
        with pytest.raises(StorageError, match="No space left on device"):
            storage.write_all({other: bytes(40_000)})
        assert files_below(small_disk) == [NAME]
    assert storage.delete(NAME)
    storage.write_all({other: bytes(40_000)})
    assert storage.read(other, max_bytes=10**6) == bytes(40_000)


def test_a_batch_that_does_not_fit_leaves_no_file(small_disk: Path) -> None:
    storage = LocalStorage(small_disk)
    with pytest.raises(StorageError, match="No space left on device"):
        storage.write_all({f"r/episode_{n:06d}.msgpack.lz4": bytes(8_000) for n in range(12)})
    assert files_below(small_disk) == []
