"""Packs: many short recordings in one file, read, listed and deleted one by one."""

from __future__ import annotations

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lz4.frame
import msgpack
import pytest

from recorder.catalog import Catalog
from recorder.episode_file import open_episode
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileVersionError,
    StorageError,
)
from recorder.framing import build_record
from recorder.recordings.convert import convert_bytes
from recorder.recordings.reindex import recording_names, reindex
from recorder.storage import LocalStorage, Storage, build_pack, episode_path, open_storage, read_pack, write_file
from tests.command_line import Call
from tests.episodes import make_episode_file

N = 20
PACK = "demo/episode_000000-000019_0123456789ab.pack.lz4"


def name_of(episode_id: int) -> str:
    return f"{PACK}/episode_{episode_id:06d}.msgpack"


@pytest.fixture(scope="module")
def members() -> dict[str, bytes]:
    """Recordings by their names in the pack."""
    return {
        f"episode_{n:06d}.msgpack": make_episode_file(run_id="demo", episode_id=n, n_steps=2, compression="none")
        for n in range(N)
    }


@pytest.fixture(params=["folder", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, members: dict[str, bytes]) -> Storage:
    """Storage that has one pack, and a file beside it."""
    places: dict[str, Callable[[], object]] = {
        "folder": lambda: tmp_path / "root",
        "memory": lambda: f"memory://{tmp_path}/root",
        "s3": lambda: f"s3://{request.getfixturevalue('s3').new_bucket()}/runs",
    }
    storage = open_storage(str(places[request.param]()))
    beside = make_episode_file(run_id="demo", episode_id=99, n_steps=2)
    storage.write_all({PACK: build_pack(members), episode_path("demo", 99): beside})
    return storage


def test_each_recording_of_a_pack_is_read_found_and_deleted_by_itself(
    storage: Storage, members: dict[str, bytes], tmp_path: Path
) -> None:
    assert storage.read(name_of(7), max_bytes=10_000) == members["episode_000007.msgpack"]
    assert open_episode(storage.location(name_of(7))).metadata.episode_id == 7
    with storage.open(name_of(8)) as file:
        assert file.read() == members["episode_000008.msgpack"]
    assert [storage.exists(name_of(n)) for n in (0, 19, 20)] == [True, True, False]
    with pytest.raises(StorageError, match="no such recording") as caught:
        storage.read(name_of(20), max_bytes=10_000)
    assert caught.value.is_missing_file
    assert sorted(storage.names()) == sorted([PACK, episode_path("demo", 99)])
    with Catalog(tmp_path / "catalog.db") as catalog:
        with recording_names(storage, "demo") as names:
            assert list(names) == [*(name_of(n) for n in range(N)), episode_path("demo", 99)]
            report = reindex(storage, catalog, names, forget_missing=True)
        assert (report.n_imported, report.unreadable, report.missing) == (N + 1, {}, [])
        size = len(storage.read(PACK, max_bytes=100_000))
        rows = [catalog.get_recording("demo", n) for n in range(N)]
        assert sum(row.compressed_size_bytes for row in rows) == size
        assert {row.n_steps for row in rows} == {2}

    assert storage.delete(name_of(7))
    assert not storage.delete(name_of(7))
    assert not storage.exists(name_of(7))
    assert storage.read(name_of(6), max_bytes=10_000) == members["episode_000006.msgpack"]
    assert storage.delete_all([*(name_of(n) for n in range(N)), episode_path("demo", 99), name_of(20)]) == N
    assert list(storage.names()) == []
    assert not storage.delete(name_of(7))


def test_processes_that_delete_from_one_pack_at_once_delete_all_they_were_told_to(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    storages = [LocalStorage(tmp_path) for _ in range(4)]
    storages[0].write_all({PACK: build_pack(members)})
    with ThreadPoolExecutor(4) as pool:
        deleted = list(pool.map(lambda n: storages[n % 4].delete(name_of(n)), range(1, N)))
    assert deleted == [True] * (N - 1)
    assert storages[0].packed_names(PACK) == [name_of(0)]


def places_of_records(pack: bytes) -> list[range]:
    """Where each recording's record is, by the documented structure."""
    places, at = [], 0
    while at < len(pack):
        tag, n_bytes = struct.unpack_from("<4sI", pack, at)
        if tag == b"HMLR":
            places.append(range(at, at + 16 + n_bytes))
        at += 16 + n_bytes
    return places


def test_a_damaged_byte_anywhere_in_a_pack_loses_at_most_the_recording_that_it_belongs_to(
    members: dict[str, bytes],
) -> None:
    few = dict(list(members.items())[:3])
    pack = build_pack(few)
    places = dict(zip(few, places_of_records(pack), strict=True))
    for at in range(len(pack)):
        for change in (0xFF, 0x01):
            damaged = bytearray(pack)
            damaged[at] ^= change
            found = read_pack(bytes(damaged))
            lost = {name for name, place in places.items() if at in place}
            assert (found.lost, len(found.damaged_at)) == (lost, 1), at
            assert found.episodes == {name: data for name, data in few.items() if name not in lost}
    for n_bytes in range(places["episode_000000.msgpack"].start, len(pack)):
        found = read_pack(pack[:n_bytes])
        assert found.episodes == {name: few[name] for name, place in places.items() if place.stop <= n_bytes}
        assert found.names == list(few)
    torn = pack[places["episode_000001.msgpack"].start :]
    assert list(read_pack(torn).episodes) == ["episode_000001.msgpack", "episode_000002.msgpack"]
    with pytest.raises(EpisodeFileCorruptError, match="both copies of its directory"):
        read_pack(pack[places["episode_000001.msgpack"].start : -1])


def test_a_damaged_recording_is_named_alone_and_can_be_deleted(
    tmp_path: Path, members: dict[str, bytes], call: Call
) -> None:
    storage = LocalStorage(tmp_path)
    pack = build_pack(members)
    places = places_of_records(pack)
    with Catalog(tmp_path / "catalog.db") as catalog:
        storage.write_all({PACK: pack})
        with recording_names(storage) as names:
            reindex(storage, catalog, names)
        damaged = bytearray(pack)
        damaged[places[3].start + 30] ^= 0xFF
        storage.write_all({PACK: bytes(damaged)})
        with pytest.raises(EpisodeFileCorruptError, match=rf"is damaged.*{name_of(3)}") as caught:
            storage.read(name_of(3), max_bytes=10_000)
        assert f": {places[3].start}: " in str(caught.value)
        assert storage.read(name_of(4), max_bytes=10_000) == members["episode_000004.msgpack"]
        assert storage.exists(name_of(3))
        with recording_names(storage) as names:
            assert list(reindex(storage, catalog, names).unreadable) == [name_of(3)]
    at = ("--recordings", tmp_path)
    for verified in (call("verify", *at, "--json"), call("verify", tmp_path / PACK, "--json")):
        broken = [file["file"] for file in verified.document["files"] if not file["sound"]]
        assert (verified.document["n_files"], verified.status) == (N, 1)
        assert [name.endswith("episode_000003.msgpack") for name in broken] == [True]
    assert storage.delete(name_of(7))
    assert storage.packed_names(PACK)[-1] == name_of(3), "deleting another one forgets no damage"
    with pytest.raises(EpisodeFileCorruptError, match="is damaged"):
        storage.read(name_of(3), max_bytes=10_000)
    assert storage.delete(name_of(3))
    assert not storage.exists(name_of(3))
    whole = bytearray((tmp_path / PACK).read_bytes())
    whole[20] ^= 0xFF
    storage.write_all({PACK: bytes(whole)})
    assert storage.read(name_of(4), max_bytes=10_000) == members["episode_000004.msgpack"]
    named = call("verify", tmp_path / PACK, "--json").document
    assert (named["n_files"], named["n_broken"]) == (N - 1, 1)


def test_a_pack_of_which_nothing_can_be_read_is_left_as_it_is(tmp_path: Path, members: dict[str, bytes]) -> None:
    storage = LocalStorage(tmp_path)
    data = bytearray(build_pack(members))
    data[20] ^= 0xFF
    data[-20] ^= 0xFF
    storage.write_all({PACK: bytes(data)})
    with pytest.raises(EpisodeFileCorruptError, match="can't be read") as caught:
        storage.read(name_of(3), max_bytes=10_000)
    assert PACK in str(caught.value)
    assert storage.exists(name_of(3))
    with pytest.raises(StorageError, match="delete the whole pack"):
        storage.delete(name_of(3))
    with Catalog(tmp_path / "catalog.db") as catalog, recording_names(storage) as names:
        assert list(reindex(storage, catalog, names).unreadable) == [PACK]
    assert (tmp_path / PACK).read_bytes() == bytes(data)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"pack": 2, "episodes": {}}, EpisodeFileVersionError),
        ({"pack": 1}, EpisodeFileCorruptError),
        ({"pack": 1, "episodes": {"../../x.msgpack": b""}}, EpisodeFileCorruptError),
        ({"pack": 1, "episodes": {"episode_1.msgpack": 5}}, EpisodeFileCorruptError),
        ({"pack": 1, "episodes": {f"episode_{n}.msgpack": b"" for n in range(5000)}}, EpisodeFileCorruptError),
        ([1, 2], EpisodeFileCorruptError),
    ],
    ids=["newer", "empty", "leads out", "no bytes", "too many", "no map"],
)
def test_a_pack_that_breaks_a_rule_is_refused(content: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_pack(lz4.frame.compress(msgpack.packb(content), store_size=True))


@pytest.mark.parametrize(
    ("directory", "error"),
    [
        ({"pack": 3, "episodes": [], "dictionary": b""}, EpisodeFileVersionError),
        ({"pack": 2}, EpisodeFileCorruptError),
        ({"pack": 2, "episodes": ["../../x.msgpack"], "dictionary": b""}, EpisodeFileCorruptError),
        ({"pack": 2, "episodes": ["episode_1.msgpack"], "dictionary": "x"}, EpisodeFileCorruptError),
        ({"pack": 2, "episodes": ["episode_2.msgpack"], "dictionary": b""}, EpisodeFileCorruptError),
        (
            {"pack": 2, "episodes": [f"episode_{n}.msgpack" for n in range(5000)], "dictionary": b""},
            EpisodeFileCorruptError,
        ),
        ([1, 2], EpisodeFileCorruptError),
    ],
    ids=["newer", "empty", "leads out", "no bytes", "a stranger", "too many", "no map"],
)
def test_a_directory_that_breaks_a_rule_is_refused(directory: object, error: type[Exception]) -> None:
    name = b"episode_1.msgpack"
    episode = build_record(b"HMLR", bytes([len(name)]) + name + b"data")
    with pytest.raises(error):
        read_pack(build_record(b"HMLP", msgpack.packb(directory)) + episode)


def test_a_pack_of_beginnings_of_records_is_refused_soon() -> None:
    with pytest.raises(EpisodeFileCorruptError, match="more than 4096 records are damaged"):
        read_pack(struct.pack("<4sIII", b"HMLR", 2**18, 10, 0) * 300_000)


def test_a_pack_is_no_episode_and_says_how_to_name_one(tmp_path: Path, members: dict[str, bytes]) -> None:
    LocalStorage(tmp_path).write_all({PACK: build_pack(members)})
    with pytest.raises(EpisodeFileCorruptError, match="a pack of many recordings: add a slash and the name of one"):
        open_episode(tmp_path / PACK)
    with pytest.raises(StorageError, match="can't be replaced"):
        write_file(tmp_path / name_of(3), b"x")


def test_a_run_with_the_name_of_a_pack_has_a_folder_that_is_none(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    path = episode_path(PACK.rpartition("/")[2], 3, compression="none")
    storage.write_all(
        {path: make_episode_file(run_id=PACK.rpartition("/")[2], episode_id=3, n_steps=2, compression="none")}
    )
    assert open_episode(tmp_path / path).metadata.episode_id == 3
    assert storage.exists(path)


def test_a_recording_of_a_pack_converted_to_lz4_is_the_file_that_it_would_be_alone(members: dict[str, bytes]) -> None:
    for n, data in enumerate(members.values()):
        assert convert_bytes(data, version=2).data == make_episode_file(run_id="demo", episode_id=n, n_steps=2)
