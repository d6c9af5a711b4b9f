"""Files that were written once are read for ever, to the same bits."""

from __future__ import annotations

import json

import pytest

from recorder.episode_file import open_episode
from tests.episode_file.golden.make_golden import FOLDER, describe, golden_files

EXPECTED = json.loads((FOLDER / "expected.json").read_text())


def test_every_golden_file_has_expected_content() -> None:
    assert set(EXPECTED) == {path.name for path in FOLDER.glob("*.msgpack*")}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_golden_file_is_read_bit_for_bit(name: str) -> None:
    found = json.loads(json.dumps(describe(open_episode(FOLDER / name))))
    assert json.dumps(found) == json.dumps(EXPECTED[name])  # text, because NaN is not equal to itself


def test_the_writer_reproduces_todays_golden_files() -> None:
    for name, data in golden_files():
        assert json.dumps(describe(open_episode(data))) == json.dumps(EXPECTED[name]), name


def test_both_compressions_have_the_same_content() -> None:
    for name in ("version1", "version2", "version2_gaps"):
        framed, bare = dict(EXPECTED[f"{name}.msgpack.lz4"]), dict(EXPECTED[f"{name}.msgpack"])
        assert (framed.pop("compression"), bare.pop("compression")) == ("lz4", "none")
        assert json.dumps(framed) == json.dumps(bare)
