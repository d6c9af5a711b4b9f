"""A reader that follows FORMAT.md alone, without the recorder's code, reads the recorder's files."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import lz4.block
import lz4.frame
import msgpack
import numpy as np
import pytest

from recorder.episode_file import Episode, open_episode
from recorder.framing import MAX_RECORD_BYTES
from recorder.schema import ALLOWED_DTYPES, Encoding
from recorder.storage import build_pack
from tests.episode_file.golden.make_golden import FOLDER

PICTURES = "version2_pictures.msgpack.lz4"
TEXTS = "version2_texts.msgpack.lz4"
FORMAT = (Path(__file__).parents[2] / "recorder/episode_file/FORMAT.md").read_text()


def objects_of(data: bytes) -> list[Any]:
    """'Unpacked one after the other they are a sequence of msgpack objects.'"""
    content = b""
    rest = data
    while rest[:4] == b"\x04\x22\x4d\x18":
        part, n_read = lz4.frame.decompress(rest, return_bytes_read=True)
        content += part
        rest = rest[n_read:]
    assert rest[:4] in (b"", b"\x5a\x2a\x4d\x18")
    return list(msgpack.Unpacker(io.BytesIO(content)))


Column = tuple[str, str, list[int], str]
"""Name, dtype, shape and encoding."""


def decode(data: bytes, n: int, columns: list[Column]) -> list[np.ndarray[Any, Any]]:
    """The columns of one slot, by the table of encodings, slowly."""
    _, dtype, shape, encoding = columns[0]
    s = np.dtype(dtype).itemsize
    widths = [math.prod(shape) for _, _, shape, _ in columns]
    k = sum(widths)
    n_differences = sum(width for width, (*_, encoding) in zip(widths, columns, strict=True) if encoding == "delta")
    if encoding == "plain":
        return [np.frombuffer(data, dtype).reshape(n, *shape)]
    if encoding == "text":
        assert (dtype, shape) == ("|u1", [])
        return [decode_texts(data, n)]
    if encoding == "xor":
        return [decode_pictures(data, n, np.dtype(dtype), shape)]
    if encoding == "bits":
        raw = bytes(int(bit) for bit in "".join(f"{byte:08b}" for byte in data)[: n * k])
    else:
        assert len(data) == n * k * s
        numbers = [sum(data[plane * n * k + i] << 8 * plane for plane in range(s)) for i in range(n * k)]
        for start in range(0, n * n_differences, n):
            value = 0
            for i in range(start, start + n):
                z = numbers[i]
                value = (value + (z >> 1 if z % 2 == 0 else -(z >> 1) - 1)) % 2 ** (8 * s)
                numbers[i] = value
        raw = b"".join(number.to_bytes(s, "little") for number in numbers)
    found = []
    start = 0
    for (_, dtype, shape, _), width in zip(columns, widths, strict=True):
        part = raw[start * n * s : (start + width) * n * s]
        found.append(np.frombuffer(part, dtype).reshape(width, n).T.reshape(n, *shape))
        start += width
    return found


def decode_texts(data: bytes, n: int) -> np.ndarray[Any, Any]:
    """The slot of a text column, by section 'Texts'."""
    found: list[str] = []
    at = 4 * n
    for length in struct.unpack_from(f"<{n}I", data):
        if length == 2**32 - 1:
            found.append(found[-1])
            continue
        found.append(data[at : at + length].decode())
        at += length
    assert at == len(data)
    return np.array(found, np.object_)


def decode_pictures(data: bytes, n: int, dtype: np.dtype[Any], shape: list[int]) -> np.ndarray[Any, Any]:
    """The slot of a picture column, by the tables of section 'Pictures'."""
    axis, moves, _, *words = struct.unpack_from(f"<BBH{n}I", data)
    at = 4 + 4 * n
    found: list[np.ndarray[Any, Any]] = []
    for word in words:
        length, kind = word & 0x3FFFFFFF, word >> 30
        newest = [moves if place == axis and kind == 2 else size for place, size in enumerate(shape)]
        n_bytes = math.prod(newest) * dtype.itemsize
        block = lz4.block.decompress(data[at : at + length], uncompressed_size=n_bytes) if length else bytes(n_bytes)
        value = np.frombuffer(block, dtype).reshape(newest)
        if kind == 1:
            value = value ^ found[-1]
        if kind == 2:
            _, older = np.split(found[-1], [moves], axis)
            _, before = np.split(found[-1], [shape[axis] - moves], axis)
            value = np.concatenate([older, value ^ before], axis)
        found.append(value)
        at += length
    assert at == len(data)
    return np.stack(found)


def read_columns(header: dict[str, Any], chunks: list[Any]) -> dict[str, dict[int, np.ndarray[Any, Any]]]:
    """Name to step number to value."""
    found: dict[str, dict[int, Any]] = {}
    for first_step, n_steps, slots, *added in chunks:
        columns = header["schema"] + (added or [[]])[0]
        assert len(slots) == len(columns)
        for index, slot in enumerate(slots):
            if slot is None or isinstance(slot, int):
                continue
            steps = range(first_step, first_step + n_steps)
            if isinstance(slot, list):
                mask, slot = slot
                steps = [step for i, step in enumerate(steps) if mask[i // 8] & (0x80 >> i % 8)]
            together = [columns[index], *(columns[i] for i, other in enumerate(slots) if other == index and i > index)]
            together.sort(key=lambda column: column[3] != "delta")
            for (name, *_), values in zip(together, decode(slot, len(steps), together), strict=True):
                found.setdefault(name, {}).update(zip(steps, values, strict=True))
    return found


def assert_same(episode: Episode, found: dict[str, dict[int, Any]]) -> None:
    assert set(found) == set(episode.names)
    for name, by_step in found.items():
        present = episode.present(name)
        assert episode.step_numbers[present].tolist() == list(by_step)
        for index, number in enumerate(episode.step_numbers.tolist()):
            if number in by_step:
                value = episode.step(index).extras[name.removeprefix("extras.")]
                assert np.asarray(value).tobytes() == np.asarray(by_step[number]).tobytes()


@pytest.mark.parametrize("name", ["version2.msgpack.lz4", "version2_gaps.msgpack.lz4", PICTURES, TEXTS])
def test_a_framed_file_has_the_documented_structure(name: str) -> None:
    data = (FOLDER / name).read_bytes()
    header, *chunks, footer = objects_of(data)
    episode = open_episode(data)
    assert header["version"] == 2
    assert list(header) == ["version", "metadata", "reasons", "schema", "affordances"]
    assert header["metadata"]["episode_id"] == 500
    assert header["affordances"] == {"Bed": [2, 3], "Job": [5.5, 6]}
    assert_same(episode, read_columns(header, chunks))
    assert footer["footer"] == 2
    assert footer["n_steps"] == sum(chunk[1] for chunk in chunks)
    assert footer["gaps"] == header["metadata"]["gaps"]
    for (offset, n_bytes, first_step, n_steps), chunk in zip(footer["chunks"], chunks, strict=True):
        assert msgpack.unpackb(lz4.frame.decompress(data[offset : offset + n_bytes])) == chunk
        assert [first_step, n_steps] == chunk[:2]
    magic, size, tag, version, offset = struct.unpack("<4sI4sIQ", data[-24:])
    assert (magic, size, tag, version) == (b"\x5a\x2a\x4d\x18", 16, b"HMLT", 2)
    assert msgpack.unpackb(lz4.frame.decompress(data[offset:-24])) == footer
    assert hashlib.blake2b(data[:offset], digest_size=16).hexdigest() == footer["hash"]


@pytest.mark.parametrize("name", ["version2.msgpack", "version2_gaps.msgpack"])
def test_a_bare_file_holds_the_same_objects(name: str) -> None:
    header, *chunks, footer = msgpack.Unpacker(io.BytesIO((FOLDER / name).read_bytes()))
    framed_header, *framed_chunks, framed_footer = objects_of((FOLDER / f"{name}.lz4").read_bytes())
    assert repr((header, chunks)) == repr((framed_header, framed_chunks))
    assert {**footer, "chunks": 0, "hash": 0} == {**framed_footer, "chunks": 0, "hash": 0}


@pytest.mark.parametrize(
    ("name", "checksum"),
    [("version2.msgpack.lz4", "content_checksum"), ("version2_block_checksums.msgpack.lz4", "block_checksum")],
)
def test_every_frame_has_its_content_size_and_checksums(name: str, checksum: str) -> None:
    data = (FOLDER / name).read_bytes()
    for offset in [0, *(row[0] for row in objects_of(data)[-1]["chunks"])]:
        info = lz4.frame.get_frame_info(data[offset:])
        assert info["content_size"] > 0
        assert info[checksum]


PACKED = {"episode_000500.msgpack": "version2.msgpack", "episode_000501.msgpack": "version2_gaps.msgpack"}


def test_a_pack_has_the_documented_structure_and_holds_whole_files() -> None:
    pack = FOLDER / "episode_000500-000501_b88f2bc98857.pack.lz4"
    data = pack.read_bytes()
    blocks = []
    at = 0
    while at < len(data):
        tag, n_block, n_bytes, checksum = struct.unpack_from("<4sIII", data, at)
        block = data[at + 16 : at + 16 + n_block]
        assert zlib.crc32(data[at : at + 12] + block) == checksum
        blocks.append((tag, block, n_bytes))
        at += 16 + n_block
    assert [tag for tag, _, _ in blocks] == [b"HMLP", b"HMLR", b"HMLR", b"HMLP"]
    assert blocks[0] == blocks[-1]
    directory = msgpack.unpackb(lz4.block.decompress(blocks[0][1], uncompressed_size=blocks[0][2]))
    assert list(directory) == ["pack", "episodes", "dictionary"]
    assert (directory["pack"], directory["episodes"]) == (2, list(PACKED))
    members = {}
    for _, block, n_bytes in blocks[1:-1]:
        content = lz4.block.decompress(block, uncompressed_size=n_bytes, dict=directory["dictionary"])
        members[content[1 : 1 + content[0]].decode()] = content[1 + content[0] :]
    assert members == {name: (FOLDER / file).read_bytes() for name, file in PACKED.items()}
    for name, member in members.items():
        assert open_episode(pack / name).content_hash == open_episode(member).content_hash
    assert build_pack(members) == data


def test_a_pack_of_version_1_has_the_documented_structure_and_is_read() -> None:
    pack = FOLDER / "episode_version1.pack.lz4"
    content = msgpack.unpackb(lz4.frame.decompress(pack.read_bytes()))
    assert content == {"pack": 1, "episodes": {name: (FOLDER / file).read_bytes() for name, file in PACKED.items()}}
    for name, member in content["episodes"].items():
        assert open_episode(pack / name).content_hash == open_episode(member).content_hash


def test_a_version_1_file_has_the_documented_structure() -> None:
    data = (FOLDER / "version1.msgpack.lz4").read_bytes()
    whole = msgpack.unpackb(lz4.frame.decompress(data))
    assert list(whole) == ["version", "metadata", "steps", "affordances"]
    assert (whole["version"], whole["metadata"]["reasons"]) == (1, ["periodic_100", "stage_1_post_transition"])
    for step, expected in zip(whole["steps"], open_episode(data).steps(), strict=True):
        assert step["step"] == expected.step
        assert {name: repr(value) for name, value in step["extras"].items()} == {
            name: repr(value.tolist()) for name, value in expected.extras.items()
        }
    assert repr(whole) == repr(msgpack.unpackb((FOLDER / "version1.msgpack").read_bytes()))


def test_format_md_lists_every_dtype_and_encoding() -> None:
    listed = FORMAT.split("`dtype` is one of `")[1].split("`")[0].split()
    assert sorted(listed) == sorted(ALLOWED_DTYPES)
    for encoding in Encoding:
        assert f"| `{encoding}` |" in FORMAT


def test_format_md_gives_the_readers_limits() -> None:
    from recorder import chunk, framing, schema
    from recorder.episode_file import MAX_FILE_BYTES, ReadLimits, version1, version2
    from recorder.episode_file.episode import MAX_NAMES
    from recorder.storage import packs

    limits = dict(
        line.strip("| ").split(" | ") for line in FORMAT.split("| limit | value |\n|---|---|\n")[1].splitlines()[:13]
    )
    mib = 2**20
    assert version1.MAX_CONTAINERS == 2_000_000
    assert limits == {
        "file": f"{MAX_FILE_BYTES // 2**30} GiB",
        "header or footer, unpacked": f"{version2.MAX_HEADER_BYTES // mib} MiB",
        "one chunk, unpacked": f"{framing.MAX_FRAME_BYTES // mib} MiB",
        "one column of all steps, in memory": f"{chunk.MAX_COLUMN_BYTES // 2**30} GiB",
        "one step's value of one column": f"{schema.MAX_STEP_BYTES // mib} MiB",
        "pictures of one column in one chunk, in memory": f"{framing.MAX_FRAME_BYTES // mib} MiB",
        "columns of the schema": str(schema.MAX_COLUMNS),
        "lists in one chunk; each column with a separate slot takes two": str(chunk.MAX_CHUNK_CONTAINERS),
        "pack, unpacked": f"{packs.MAX_PACK_BYTES // mib} MiB and {packs.MAX_PACKED} recordings, "
        f"each of {MAX_RECORD_BYTES // 1024} KiB",
        "version 1, unpacked": f"{version1.MAX_CONTENT_BYTES // mib} MiB and 2 million maps and lists",
        "version 1, steps": str(version1.MAX_STEPS),
        "version 1, columns in memory": f"{ReadLimits().column_bytes // mib} MiB",
        "columns of an episode, those that chunks add included": str(MAX_NAMES),
    }
