"""Files that were cut, flipped or mutated: a recorder error or the intact part; never a hang or a silent loss."""

from __future__ import annotations

import random

import numpy as np
import pytest

from recorder.episode import EpisodeStatus
from recorder.episode_file import Episode, open_episode
from recorder.errors import EpisodeFileCorruptError, EpisodeFileError, RecorderError
from recorder.framing import frame_end
from tests.episodes import make_episode_file

N_STEPS = 40
COMPRESSIONS = pytest.mark.parametrize("compression", ["lz4", "none"])


def small_file(version: int = 2, compression: str = "lz4") -> bytes:
    """Five chunks of two short columns."""
    columns = {"reward": np.arange(N_STEPS, dtype="<f4"), "action": np.arange(N_STEPS) % 6}
    return make_episode_file(
        n_steps=N_STEPS, columns=columns, chunk_steps=8, version=version, compression=compression, run_id="r"
    )


def assert_true_prefix(episode: Episode) -> None:
    """What is there is right, and what is not there is said to be missing."""
    n_steps = episode.n_steps
    assert episode.column("reward").tolist() == list(range(n_steps)) if n_steps else True
    if n_steps < N_STEPS or episode.metadata.status is not EpisodeStatus.COMPLETE:
        assert episode.metadata.status is EpisodeStatus.SALVAGED
        assert episode.gaps[-1].first_step == n_steps
        assert episode.gaps[-1].end_step is None


@COMPRESSIONS
def test_a_version_2_file_cut_at_any_byte_is_an_error_or_a_salvaged_prefix(compression: str) -> None:
    data = small_file(compression=compression)
    header_end = frame_end(data) if compression == "lz4" else data.index(b"\x93\x00\x08")
    seen = set()
    for length in range(len(data)):
        if length < header_end:
            with pytest.raises(EpisodeFileCorruptError):
                open_episode(data[:length])
            continue
        episode = open_episode(data[:length])
        assert_true_prefix(episode)
        seen.add(episode.n_steps)
        assert episode.n_steps % 8 == 0
    assert seen == {0, 8, 16, 24, 32, 40}


@COMPRESSIONS
def test_a_version_1_file_cut_at_any_byte_is_an_error(compression: str) -> None:
    data = small_file(1, compression)
    for length in range(len(data)):
        with pytest.raises(EpisodeFileCorruptError):
            open_episode(data[:length])


def test_a_cut_after_the_footer_loses_nothing() -> None:
    data = small_file()
    for length in range(len(data) - 24, len(data)):
        assert open_episode(data[:length]).metadata.status is EpisodeStatus.COMPLETE


@pytest.mark.parametrize(("version", "compression"), [(1, "lz4"), (2, "lz4"), (2, "none")])
def test_a_flipped_byte_anywhere_is_an_error_or_changes_nothing(version: int, compression: str) -> None:
    # (A bare version 1 file has neither checksums nor a hash.)
    data = small_file(version, compression)
    for index in range(len(data)):
        for mask in (0x01, 0x80, 0xFF):
            flipped = bytearray(data)
            flipped[index] ^= mask
            try:
                episode = open_episode(bytes(flipped))
                episode.check()
                assert_true_prefix(episode)
            except EpisodeFileError:
                continue


def test_a_flipped_value_in_a_bare_file_is_found_on_opening() -> None:
    intact = small_file(compression="none")
    data = bytearray(intact)
    values, *_ = open_episode(intact).chunk(1).data
    data[intact.index(values)] ^= 1
    with pytest.raises(EpisodeFileCorruptError, match="the bytes were changed: expected the hash"):
        open_episode(bytes(data))


@pytest.mark.parametrize("version", [1, 2])
@COMPRESSIONS
def test_ten_thousand_mutations_raise_only_recorder_errors(version: int, compression: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    data = small_file(version, compression)
    for _ in range(2500):
        mutated = bytearray(data)
        for _ in range(source.randint(1, 4)):
            place = source.randrange(len(mutated))
            match source.randrange(4):
                case 0:
                    mutated[place] = source.randrange(256)
                case 1:
                    del mutated[place : place + source.randint(1, 9)]
                case 2:
                    mutated[place:place] = source.randbytes(source.randint(1, 9))
                case _:
                    mutated[place : place + 4] = source.choice([b"\xff\xff\xff\x7f", b"\xdd\xff\xff\xff", bytes(4)])
            if not mutated:
                break
        read_everything(bytes(mutated))


def read_everything(data: bytes) -> None:
    """Read a file completely; only recorder errors may be raised."""
    try:
        episode = open_episode(data)
    except RecorderError:
        return
    for act in (
        episode.check,
        episode.columns,
        lambda: list(episode.steps(0, 20)),
        lambda: episode.step(-1),
        lambda: [episode.present(name) for name in episode.names],
        lambda: episode.unpacked_bytes,
        episode.metadata.to_map,
    ):
        try:
            act()
        except RecorderError:
            continue
