"""Files made to hurt: refused with a clear error, in bounded memory."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
import textwrap
from typing import Any

import lz4.frame
import msgpack
import pytest

from recorder.episode import EpisodeMetadata
from recorder.episode_file import open_episode
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    EpisodeFileVersionError,
)
from recorder.framing import compress_frame
from tests.episodes import make_episode_file
from tests.waiting import DEADLINE_SECS

REWARD = ["reward", "|u1", [], "plain"]
CHUNK = [0, 4, [b"\x01\x02\x03\x04"]]


def header(**changes: Any) -> dict[str, Any]:
    metadata = EpisodeMetadata(episode_id=1, run_id="r").to_map()
    return {"version": 2, "metadata": metadata, "reasons": [], "schema": [REWARD], "affordances": {}, **changes}


def build(chunks: list[Any], *, head: Any = None, rows: Any = None, offset: int | None = None, **footer: Any) -> bytes:
    """A framed version 2 file with whatever is asked for, all checksums right."""
    parts = [compress_frame(msgpack.packb(header() if head is None else head))]
    true_rows = []
    for chunk in chunks:
        parts.append(compress_frame(msgpack.packb(chunk)))
        true_rows.append([sum(map(len, parts[:-1])), len(parts[-1]), chunk[0], chunk[1]])
    start = sum(map(len, parts))
    body = {
        "footer": 2,
        "chunks": true_rows if rows is None else rows(true_rows),
        "n_steps": sum(row[3] for row in true_rows),
        "gaps": [],
        "hash": "",
    }
    parts.append(compress_frame(msgpack.packb({**body, **footer})))
    trailer = struct.pack("<4sI4sIQ", b"\x5a\x2a\x4d\x18", 16, b"HMLT", 2, start if offset is None else offset)
    return b"".join([*parts, trailer])


def test_the_file_that_the_tests_damage_is_sound() -> None:
    episode = open_episode(build([CHUNK, [4, *CHUNK[1:]]]))
    assert episode.column("reward").tolist() == [1, 2, 3, 4] * 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (lambda rows: rows[:1], "lists other chunks"),
        (lambda rows: [rows[0], rows[0]], "places a chunk at"),
        (lambda rows: [rows[1], rows[0]], "places a chunk at"),
        (lambda rows: [rows[0], [rows[1][0], 2**40, 4, 4]], "lists other chunks"),
        (lambda rows: [rows[0], [2**40, 9, 4, 4]], "places a chunk at"),
        (lambda rows: [rows[0], [rows[1][0] - 3, *rows[1][1:]]], "places a chunk at"),
        (lambda rows: [rows[0], [-1, *rows[1][1:]]], "places a chunk at"),
        (lambda rows: [rows[0], [rows[1][0], -5, 4, 4]], "places a chunk at"),
        (lambda rows: [rows[0], [*rows[1][:3], 0]], "places a chunk at"),
        (lambda rows: [rows[0], [*rows[1][:2], -4, 4]], "places a chunk at"),
        (lambda rows: [rows[0], [*rows[1][:2], 2, 4]], "begins at step 2, before the end"),
        (lambda rows: [rows[0], [*rows[1][:3], 5]], "lists other chunks"),
        (lambda rows: [rows[0], [*rows[1][:3], 257]], "places a chunk at"),
        (lambda rows: [rows[0], [*rows[1][:2], 2**63, 4]], "places a chunk at"),
        (lambda rows: [rows[0], "row"], "places a chunk at"),
        (lambda _: 3, "expected the footer"),
    ],
)
def test_a_footer_that_does_not_fit_the_chunks_is_corrupt(rows: Any, message: str) -> None:
    with pytest.raises(EpisodeFileCorruptError, match=message):
        open_episode(build([CHUNK, [4, *CHUNK[1:]]], rows=rows))


def test_a_chunk_that_differs_from_the_footer_is_corrupt() -> None:
    data = build([CHUNK, [4, *CHUNK[1:]]], rows=lambda rows: [rows[0], [*rows[1][:2], 9, 4]])
    with pytest.raises(EpisodeFileCorruptError, match=r"places steps 9\+4 .* found steps 4\+4"):
        open_episode(data).column("reward")


@pytest.mark.parametrize("offset", [0, 3, 2**40, 2**64 - 1])
def test_a_trailer_with_a_wrong_position_is_corrupt(offset: int) -> None:
    with pytest.raises(EpisodeFileCorruptError):
        open_episode(build([CHUNK], offset=offset))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"version": 3}, EpisodeFileVersionError, "unknown version 3, expected 1 or 2"),
        ({"version": None}, EpisodeFileVersionError, "version None"),
        ({"version": [2]}, EpisodeFileVersionError, "version"),
        ({"schema": None}, EpisodeFileCorruptError, "expected a list of columns"),
        ({"schema": [["reward", "|O", [], "plain"]]}, EpisodeFileCorruptError, "only numbers are allowed"),
        ({"schema": [["reward", "O", [], "plain"]]}, EpisodeFileCorruptError, "only numbers are allowed"),
        ({"schema": [REWARD, REWARD]}, EpisodeFileCorruptError, "named twice"),
        ({"schema": [["reward", "|u1", [2**31 - 1], "plain"]]}, EpisodeFileTooLargeError, "one value of column"),
        ({"schema": [[f"extras.{n}", "|u1", [], "plain"] for n in range(2000)]}, EpisodeFileTooLargeError, "2000 col"),
        ({"metadata": None}, EpisodeFileCorruptError, "header"),
        ({"metadata": []}, EpisodeFileCorruptError, "header"),
        ({"metadata": {"episode_id": "x"}}, EpisodeFileCorruptError, "episode_id: expected a whole number"),
        ({"metadata": {"total_reward": "x"}}, EpisodeFileCorruptError, "total_reward: expected a number"),
        ({"metadata": {"run_id": 3}}, EpisodeFileCorruptError, "run_id: expected text"),
        ({"metadata": {"status": "odd"}}, EpisodeFileCorruptError, "status"),
        ({"metadata": {"gaps": [[1]]}}, EpisodeFileCorruptError, "gaps"),
        ({"metadata": {"gaps": [["a", None, "x"]]}}, EpisodeFileCorruptError, "gaps"),
        ({"metadata": {"substrate": [1, 2, 3, 4]}}, EpisodeFileCorruptError, "substrate"),
        ({"metadata": {"affordance_layout": {"Bed": "ab"}}}, EpisodeFileCorruptError, "affordance_layout"),
        ({"metadata": {"info": 3}}, EpisodeFileCorruptError, "info"),
        ({"affordances": {"Bed": 3}}, EpisodeFileCorruptError, "header"),
        ({"affordances": [1]}, EpisodeFileCorruptError, "header"),
        ({"reasons": "periodic"}, EpisodeFileCorruptError, "reasons"),
        ({"reasons": [1]}, EpisodeFileCorruptError, "reasons"),
    ],
)
def test_a_header_with_wrong_content_is_an_error(changes: Any, error: type[EpisodeFileError], message: str) -> None:
    with pytest.raises(error, match=message):
        open_episode(build([], head=header(**changes)))


@pytest.mark.parametrize(
    "steps",
    [
        None,
        {},
        [1],
        [{"step": -1}],
        [{"step": 1.5}],
        [{"step": 2**64 - 1}],
        [{"step": 3}, {"step": 3}],
        [{"step": 3}, {"step": 2}],
        [{"reward": "1.0"}],
        [{"reward": b"1"}],
        [{"meters": [1, None]}],
        [{"meters": [1, [2]]}],
        [{"meters": [[1], [2, 3]]}],
        [{"meters": [[[[[[[[[[1]]]]]]]]]]}],
        [{"meters": {"energy": 1}}],
        [{"extras": [1]}],
        [{"action": "text"}],
        [{"extras": {"a": ["text"]}}],
        [{"extras": {"a" * 300: "text"}}],
        [{"extras": {"a" * 300: 1}}],
    ],
)
@pytest.mark.parametrize("compression", ["lz4", "none"])
def test_version_1_steps_with_wrong_content_are_corrupt(steps: Any, compression: str) -> None:
    content = msgpack.packb({"version": 1, "metadata": {}, "steps": steps, "affordances": {}})
    with pytest.raises(EpisodeFileCorruptError):
        open_episode(compress_frame(content) if compression == "lz4" else content)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"\x04", b"\x04\x22\x4d\x18", b"PK\x03\x04 a zip file", bytes(100), b"\x80", b"\xc1", b"\x91\x02"],
)
def test_a_file_that_is_not_a_recording_is_corrupt(data: bytes) -> None:
    with pytest.raises(EpisodeFileCorruptError):
        open_episode(data)


@pytest.mark.parametrize("version", [1, 2])
def test_bytes_after_a_bare_file_are_corrupt(version: int) -> None:
    data = make_episode_file(version=version, compression="none")
    with pytest.raises(EpisodeFileCorruptError, match="follow"):
        open_episode(data + b"\x00")


def test_a_bare_header_has_the_same_limit_as_a_compressed_one() -> None:
    data = msgpack.packb(header(metadata={"info": {"note": "x" * 5_000_000}}))
    for head in (data, compress_frame(data)):
        with pytest.raises(EpisodeFileTooLargeError):
            open_episode(head + head)


def test_a_file_error_names_the_file(tmp_path: Any) -> None:
    path = tmp_path / "broken.msgpack.lz4"
    path.write_bytes(b"nothing")
    with pytest.raises(EpisodeFileCorruptError, match=f": {path}$"):
        open_episode(path)


BOMBS = {
    "a frame that claims a terabyte": """
        context = lz4.frame.create_compression_context()
        data = lz4.frame.compress_begin(context, source_size=2**40, content_checksum=True) + bytes(8)
    """,
    "a frame of 100 MiB of zeros as a header": """
        data = compress_frame(bytes(100 * 2**20))
    """,
    "lists in lists, each announcing as many as it may": """
        data = compress_frame(b"\\xdd\\x00\\x0f\\xff\\xff" * 200_000)
    """,
    "a version 1 file of a long text, repeated in an array": """
        step = {"step": 0, "meters": ["x" * 1_000_000] + ["y"] * 1000}
        data = compress_frame(msgpack.packb({"version": 1, "metadata": {}, "steps": [step]}))
    """,
    "a large value in one step of a million": """
        head = dict(version=2, metadata={}, reasons=[], schema=[["extras.a", "|u1", [2**20], "plain"]], affordances={})
        parts = [compress_frame(msgpack.packb(head)), compress_frame(msgpack.packb([0, 1, [bytes(2**20)]]))]
        parts += [compress_frame(msgpack.packb([1 + 256 * n, 256, [None]])) for n in range(1200)]
        data = b"".join(parts)
    """,
    "a hundred MiB of bytes instead of a chunk": """
        head = dict(version=2, metadata={}, reasons=[], schema=[], affordances={})
        data = compress_frame(msgpack.packb(head)) + compress_frame(msgpack.packb([bytes(100 * 2**20)])) + b"torn"
    """,
    "a header of two million empty lists": """
        head = b"\\x82\\xa7version\\x02\\xa8metadata\\xdd" + (2_000_000).to_bytes(4, "big")
        data = compress_frame(head + b"\\x90" * 2_000_000)
    """,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_decompression_bomb_is_refused_within_a_gigabyte_of_memory(bomb: str) -> None:
    program = textwrap.dedent(
        """
        import resource, sys
        import lz4.frame, msgpack
        from recorder.framing import compress_frame
        from recorder.episode_file import open_episode
        from recorder.errors import EpisodeFileError
        {}
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
        try:
            open_episode(data).columns()
        except EpisodeFileError as error:
            print(type(error).__name__)
        """
    ).format(textwrap.dedent(BOMBS[bomb]))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE_SECS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("EpisodeFileTooLargeError", "EpisodeFileCorruptError")
    assert resource.getrlimit(resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY  # only the child was limited


def test_frames_with_linked_blocks_and_other_sizes_are_read() -> None:
    content = msgpack.packb({"version": 1, "metadata": {}, "steps": [{"reward": 1.0}] * 10_000, "affordances": {}})
    frame = lz4.frame.compress(content, block_size=lz4.frame.BLOCKSIZE_MAX64KB, block_checksum=True)
    assert open_episode(frame).n_steps == 10_000
