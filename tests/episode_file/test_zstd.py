"""Files with Zstandard frames: read like the others, by everything that reads; refused where the package is missing."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import zstandard

from recorder.catalog import Catalog
from recorder.episode_file import open_episode
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    EpisodeFileVersionError,
    MissingExtraError,
)
from recorder.framing import decompress_frame, frame_end
from recorder.framing.frames import FRAME_MAGIC
from recorder.html_file import build_html
from recorder.recordings.convert import convert_bytes
from recorder.recordings.reindex import recording_names, reindex
from recorder.settings import load_settings
from recorder.storage import open_storage
from replay_server.app import EXTENSION
from tests.episode_file.golden.make_golden import FOLDER, describe
from tests.replay.conftest import make_app
from worker.process import ingest_limits

NAMES = ["version1", "version2", "version2_gaps", "version2_pictures", "version2_texts", "version2_together"]


def zst(name: str = "version2_pictures") -> bytes:
    version = int(name[7])
    return convert_bytes((FOLDER / f"{name}.msgpack.lz4").read_bytes(), version=version, compression="zstd").data


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_same_content_and_becomes_the_lz4_file_again(name: str) -> None:
    lz4 = (FOLDER / f"{name}.msgpack.lz4").read_bytes()
    found, expected = (
        describe(open_episode(zst(name))),
        describe(open_episode(convert_bytes(lz4, version=int(name[7])).data)),
    )
    assert (found.pop("compression"), expected.pop("compression")) == ("zstd", "lz4")
    assert repr(found) == repr(expected)
    open_episode(zst(name)).check()
    again = convert_bytes(zst(name), version=int(name[7])).data
    bare = convert_bytes(lz4, version=int(name[7]), compression="none").data
    assert again == convert_bytes(bare, version=int(name[7])).data


def test_any_zstd_and_msgpack_reader_can_read_it() -> None:
    content = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(zst()), read_across_frames=True).read()
    header, *chunks, footer = msgpack.Unpacker(io.BytesIO(content))
    assert header["version"] == 2
    assert len(footer["chunks"]) == len(chunks)


def test_a_file_cut_anywhere_after_its_first_chunk_is_read_up_to_there() -> None:
    whole = zst()
    episode = open_episode(whole)
    first = episode.chunks[0]
    for end in range(first.offset + first.n_bytes, len(whole)):
        torn = open_episode(whole[:end])
        n_chunks = sum(ref.offset + ref.n_bytes <= end for ref in episode.chunks)
        assert len(torn.chunks) == n_chunks
        torn.check()


def test_a_changed_byte_is_found_or_changes_nothing() -> None:
    whole = zst("version2_gaps")
    expected = repr(describe(open_episode(whole)))
    for place in range(0, len(whole) - 24, 7):
        changed = bytearray(whole)
        changed[place] ^= 0x41
        try:
            episode = open_episode(bytes(changed))
            episode.check()
            found = repr(describe(episode))
        except EpisodeFileError:
            continue
        assert found == expected


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (zstandard.ZstdCompressor().compress(bytes(200 * 2**20)), EpisodeFileTooLargeError),
        (zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 50), EpisodeFileCorruptError),
        (zstandard.ZstdCompressor().compress(b"x" * 50)[:-3], EpisodeFileCorruptError),
        (zstandard.ZstdCompressor().compress(b"x" * 50) + b"x", EpisodeFileCorruptError),
        (b"\x28\xb5\x2f\xfd", EpisodeFileCorruptError),
        (b"\x28\xb5\x2f\xfd\x20\x05\x07\x00\x00", EpisodeFileCorruptError),
    ],
    ids=["too large", "no size", "cut off", "bytes after it", "only its magic number", "unknown block"],
)
def test_a_frame_that_breaks_a_rule_is_refused(frame: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decompress_frame(frame)


@pytest.mark.parametrize("n_bytes", [1, 100, 255, 256, 70_000, 300_000])
def test_the_end_of_a_frame_is_found_for_any_size(n_bytes: int) -> None:
    random = np.random.default_rng(n_bytes).integers(0, 256, n_bytes, np.uint8).tobytes()
    for content in (random, b"x" * n_bytes):
        for checksum in (True, False):
            frame = zstandard.ZstdCompressor(write_checksum=checksum).compress(content)
            assert frame_end(b"before" + frame + b"after", 6) == 6 + len(frame)
            assert decompress_frame(frame) == content


def test_without_the_package_readers_and_writers_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zst()
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(EpisodeFileVersionError, match=r"compressed with zstd.*hamlet-recorder\[zstd\]"):
        open_episode(data)
    with pytest.raises(MissingExtraError, match=r"hamlet-recorder\[zstd\]"):
        convert_bytes((FOLDER / "version2.msgpack.lz4").read_bytes(), version=2, compression="zstd")
    with pytest.raises(MissingExtraError, match="compression: zstd"):
        ingest_limits(load_settings(env={}, overrides={"compression": "zstd"}))


def test_the_page_and_html_files_get_lz4(tmp_path: Path) -> None:
    storage = open_storage(tmp_path)
    storage.write_all({"golden/episode_000500.msgpack.zst": zst()})
    with Catalog(tmp_path / "catalog.db") as catalog, recording_names(storage) as names:
        assert reindex(storage, catalog, names).n_imported == 1
        run_id = catalog.list_runs()[0].run_id
    app = make_app(tmp_path)
    try:
        services: Any = app.extensions[EXTENSION]
        opened = services.library.open(run_id, 500)
        expected = open_episode(FOLDER / "version2_pictures.msgpack.lz4")
        for number in range(len(expected.chunks)):
            frame = opened.chunk_frame(number)
            assert frame.startswith(FRAME_MAGIC)
            assert decompress_frame(frame) == decompress_frame(expected.chunk_bytes(number))
    finally:
        services.close("the test is over")
    assert "data:text/javascript" in build_html(open_episode(zst()))
