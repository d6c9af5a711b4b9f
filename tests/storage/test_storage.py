"""What every storage does, on a folder and on a URL."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from recorder.errors import EpisodeFileTooLargeError, RecorderError, SettingsError, StorageError
from recorder.settings import load_settings
from recorder.storage import LocalStorage, Storage, check_drivers, open_storage, read_file, write_file
from recorder.storage.url import UrlStorage


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty storage; fsspec has one memory per process, so each test has a separate place."""
    return open_storage(tmp_path / "root" if request.param == "folder" else f"memory://{uuid4()}/ro[o]t")


def test_recordings_are_written_read_listed_and_deleted(storage: Storage) -> None:
    files = {f"run-{n}/episode_00000{n}.msgpack.lz4": bytes([n]) * 100 for n in range(4)}
    files["run-0/episode_000009.msgpack"] = b"bare"
    storage.write_all(files)
    assert {name: storage.read(name, max_bytes=100) for name in files} == files
    assert sorted(storage.names()) == sorted(files)
    assert storage.delete("run-1/episode_000001.msgpack.lz4")
    assert not storage.delete("run-1/episode_000001.msgpack.lz4")
    assert len(list(storage.names())) == 4


def test_writing_again_replaces_the_file(storage: Storage) -> None:
    for data in (b"first", b"second"):
        storage.write_all({"r/episode_000000.msgpack": data})
    assert storage.read("r/episode_000000.msgpack", max_bytes=99) == b"second"
    assert len(list(storage.names())) == 1


def test_an_empty_storage_lists_nothing_and_writing_nothing_is_fine(storage: Storage) -> None:
    storage.write_all({})
    assert list(storage.names()) == []


def test_other_files_are_not_listed(storage: Storage) -> None:
    for name in ("r/.episode_000000.msgpack.lz4.a1b2c3", "r/episode_0.mp4", "r/notes.msgpack", "r/x/episode_0.msgpack"):
        storage.write_all({name: b"x"})
    assert list(storage.names()) == []


def test_a_recording_in_the_root_itself_is_listed(storage: Storage) -> None:
    storage.write_all({"episode_000000.msgpack": b"x", "r/episode_000000.msgpack.lz4": b"x"})
    assert sorted(storage.names()) == ["episode_000000.msgpack", "r/episode_000000.msgpack.lz4"]


def test_a_missing_file_is_an_error_that_says_so(storage: Storage) -> None:
    with pytest.raises(StorageError, match="no such recording") as caught:
        storage.read("r/episode_000000.msgpack", max_bytes=9)
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert storage.location("r/episode_000000.msgpack") in str(caught.value)


def test_concurrent_readers_read_from_any_position(storage: Storage) -> None:
    data = bytes(range(256)) * 8192  # two pieces
    storage.write_all({"r/episode_000000.msgpack": data})
    with storage.open("r/episode_000000.msgpack") as one, storage.open("r/episode_000000.msgpack") as other:
        assert one.seek(0, os.SEEK_END) == len(data)
        assert other.read(10) == data[:10]
        assert one.read(1) == b""
        one.seek(-300, os.SEEK_END)
        assert (one.read(100), one.tell()) == (data[-300:-200], len(data) - 200)
        assert other.read() == data[10:]
        other.seek(5)
        assert other.read(3) == data[5:8]


def test_opening_a_missing_file_is_an_error(storage: Storage) -> None:
    with pytest.raises(StorageError, match="no such recording") as caught:
        storage.open("r/episode_000000.msgpack")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    with pytest.raises(StorageError, match="not a name below"):
        storage.open("../episode_000000.msgpack")


def test_a_file_beyond_the_limit_is_not_read(storage: Storage) -> None:
    storage.write_all({"r/episode_000000.msgpack": bytes(10)})
    assert len(storage.read("r/episode_000000.msgpack", max_bytes=10)) == 10
    with pytest.raises(EpisodeFileTooLargeError, match="10 bytes; the limit is 9"):
        storage.read("r/episode_000000.msgpack", max_bytes=9)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "..", "/etc/passwd", "a/\0"])
def test_a_name_that_would_leave_the_root_is_refused(storage: Storage, name: str) -> None:
    for act in (
        lambda: storage.write_all({name: b"x"}),
        lambda: storage.read(name, max_bytes=9),
        lambda: storage.delete(name),
    ):
        with pytest.raises(StorageError, match="not a name below the recordings folder"):
            act()


def test_a_file_is_found_by_its_location(storage: Storage) -> None:
    storage.write_all({"r/episode_000000.msgpack": b"x"})
    assert read_file(storage.location("r/episode_000000.msgpack"), max_bytes=9) == b"x"
    write_file(storage.location("r/new"), b"y")
    assert storage.read("r/new", max_bytes=9) == b"y"


def test_a_root_is_a_path_or_a_url(tmp_path: Path) -> None:
    assert isinstance(open_storage(tmp_path), LocalStorage)
    assert isinstance(open_storage(f"file://{tmp_path}"), LocalStorage)
    assert isinstance(open_storage("memory://x"), UrlStorage)
    assert open_storage(f"file://{tmp_path}").root == str(tmp_path)


@pytest.mark.parametrize(
    "overrides", [{"recordings_dir": "memory://x"}, {"recordings_dir": "r", "render": {"videos_dir": "memory://x"}}]
)
def test_programs_of_several_processes_refuse_files_in_memory(overrides: dict[str, Any]) -> None:
    settings = load_settings(env={}, overrides=overrides)
    with pytest.raises(SettingsError, match=r"other processes can't see files in memory: .*: memory://x"):
        check_drivers(settings, writes=False)


@pytest.mark.parametrize(
    "url", ["http://example.org/runs", "HTTPS://example.org", "zip://a", "github://owner:name@main"]
)
def test_a_driver_that_only_reads_is_refused_by_programs_that_write(url: str, tmp_path: Path) -> None:
    for overrides in ({"recordings_dir": url}, {"recordings_dir": str(tmp_path), "render": {"videos_dir": url}}):
        settings = load_settings(env={}, overrides=overrides)
        with pytest.raises(StorageError, match="files here can only be read, not written: .*: (?i:" + url[:8] + ")"):
            check_drivers(settings, writes=True)


@pytest.mark.parametrize("url", ["memory://x", "s3://bucket/x", "ftp://127.0.0.1/x", "webhdfs://127.0.0.1/x"])
def test_a_driver_that_writes_is_known_by_its_methods(url: str) -> None:
    UrlStorage(url).check_writes()


def test_a_relative_name_is_read_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_file("alone", b"x")
    assert (tmp_path / "alone").read_bytes() == read_file("alone", max_bytes=1) == read_file("./alone", max_bytes=1)
    name = f"memory://{uuid4()}"
    write_file(name, b"y")
    assert read_file(name, max_bytes=1) == b"y"


@pytest.mark.skipif(find_spec("pyarrow") is not None, reason="it can be used here")
def test_a_driver_that_connects_by_a_missing_package_is_refused_at_once() -> None:
    with pytest.raises(StorageError, match="install pyarrow to access hdfs: hdfs://x"):
        open_storage("hdfs://x")


def test_a_url_with_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(RecorderError, match="nonsense://x"):
        open_storage("nonsense://x")


@pytest.mark.parametrize("place", [".", "pipe"])
def test_a_fifo_or_folder_is_refused_without_waiting(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="not a file"):
        read_file(f"{tmp_path}/{place}", max_bytes=9)
