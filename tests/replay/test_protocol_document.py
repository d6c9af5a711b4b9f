"""PROTOCOL.md and the code say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import replay_server
from tests.replay.conftest import Connect

FOLDER = Path(replay_server.__file__).parent
DOCUMENT = (FOLDER / "PROTOCOL.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [json.loads(text) for text in re.findall(r"```json\n(.*?)\n```", DOCUMENT, re.DOTALL)]
SENT = {"list_recordings", "load_replay", "play", "pause", "step", "reset", "set_speed", "replay_control"}
SENT |= {"open", "credit", "seek", "close", "follow"}


def kind(example: dict[str, Any]) -> str:
    return str(example.get("type", example.get("command")))


def example_of(name: str) -> dict[str, Any]:
    (example,) = [example for example in EXAMPLES if kind(example) == name]
    return example


def test_every_message_of_a_client_has_an_example_and_a_handler(connect: Connect) -> None:
    viewer = connect()
    viewer.send(type="?")
    listed = viewer.receive("error")["message"].partition("expected one of ")[2].split(", ")
    assert set(listed) == SENT
    assert {kind(example) for example in EXAMPLES} >= SENT


def test_every_message_of_the_server_has_an_example() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (FOLDER / "socket").glob("*.py"))
    code += (FOLDER / "episodes" / "state_update.py").read_text(encoding="utf-8")
    sent = set(re.findall(r'"type": "(\w+)"', code))
    documented = {kind(example) for example in EXAMPLES} - SENT
    assert documented == sent


@pytest.mark.parametrize("name", sorted(SENT - {"follow"}))
def test_the_client_examples_are_executed(connect: Connect, name: str) -> None:
    viewer = connect()
    viewer.send(type="load_replay", episode_id=100)
    viewer.skip_to("state_update")
    viewer.send(type="open", id=7, run_id="long", episode_id=1, credit=0)
    viewer.skip_to("opened")
    viewer.send(**example_of(name))
    viewer.send(type="list_recordings", limit=0)
    while (message := viewer.receive_any()) != {"type": "recordings_list", "recordings": []}:
        assert isinstance(message, bytes) or message["type"] != "error", message


def test_the_examples_of_the_server_have_the_fields_that_are_sent(connect: Connect) -> None:
    viewer = connect()
    same_keys(viewer.greeting, example_of("connected"))
    viewer.send(type="list_recordings", limit=1)
    listed = viewer.receive("recordings_list")
    assert set(example_of("recordings_list")["recordings"][0]) <= set(listed["recordings"][0])
    viewer.send(type="load_replay", episode_id=100)
    same_keys(viewer.receive(), example_of("replay_loaded"))
    update, written = viewer.receive(), example_of("state_update")
    same_keys(update, written)
    for name in ("substrate", "grid", "temporal", "replay_metadata"):
        same_keys(update[name], written[name])
    same_keys(update["grid"]["agents"][0], written["grid"]["agents"][0])
    viewer.send(type="load_replay", episode_id=0, run_id="team")
    viewer.receive("replay_loaded")
    of_several = viewer.receive("state_update")
    same_keys(of_several, written)
    for agent in of_several["grid"]["agents"]:
        same_keys(agent, written["grid"]["agents"][0])
    viewer.send(type="load_replay", episode_id=100)
    viewer.skip_to("state_update")
    viewer.send(type="step", n=49)
    viewer.receive("state_update")
    same_keys(viewer.receive(), example_of("replay_finished"))
    viewer.send(type="open", id=7, run_id="long", episode_id=1)
    opened = viewer.receive()
    same_keys(opened, example_of("opened"))
    same_keys(opened["markers"][0], example_of("opened")["markers"][0])
    assert len(opened["chunks"][0]) == len(example_of("opened")["chunks"][0])
    viewer.receive_chunk(7)
    viewer.send(type="seek", id=7, step=999)
    same_keys(viewer.receive(), example_of("seeked"))
    viewer.receive_chunk(7)
    same_keys(viewer.receive(), example_of("eof"))
    viewer.send(type="close", id=7)
    same_keys(viewer.receive(), example_of("closed"))
    viewer.send(type="load_replay", episode_id=12345)
    same_keys(viewer.receive(), example_of("error"))


def test_every_error_code_is_in_the_table() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (FOLDER / "socket").glob("*.py"))
    used = set(re.findall(r'MessageError\(\s*"(\w+)"', code)) | set(re.findall(r':\n            return "(\w+)"', code))
    used |= set(re.findall(r'_refuse\(\s*"(\w+)"', code))
    table = DOCUMENT.partition("| code | meaning |")[2].partition("\n\n")[0]
    assert used == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def same_keys(found: dict[str, Any], written: dict[str, Any]) -> None:
    assert set(found) == set(written)
