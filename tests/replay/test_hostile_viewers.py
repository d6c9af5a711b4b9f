"""Viewers that send nonsense, send too much, or do not read: they are warned or closed, and others are not affected."""

from __future__ import annotations

import json
import random
import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from replay_server.app import EXTENSION
from replay_server.limits import Limits
from tests.replay.conftest import Connect, connecting, make_app, serving_here
from tests.replay.viewer import LazyViewer, upgrade_status
from tests.waiting import wait_until

FAST = Limits(messages_per_sec=1e9, message_burst=10**9)
TYPES = ("list_recordings", "load_replay", "play", "pause", "step", "reset", "set_speed", "replay_control", "open")
TYPES += ("credit", "seek", "close", "follow", "", "connected", "\x00", "💥")
FIELDS = (
    "episode_id",
    "run_id",
    "speed",
    "action",
    "seek_step",
    "n",
    "id",
    "from",
    "credit",
    "filters",
    "step",
    "limit",
)
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7, 1e308, -0.5, 10**30, 2**63, "", "7", "../../etc/passwd", "\ud800", "\0", [], [[]], {}, {"a": 1},
    float("nan"), float("inf"), "seek", "play", "long",
)  # fmt: skip


def nonsense(source: random.Random) -> str:
    """A message that is broken somehow, or whole but out of order."""
    body: dict[str, Any] = {source.choice(("type", "command", "typ")): source.choice(TYPES)}
    for name in source.sample(FIELDS, source.randrange(5)):
        body[name] = source.choice(VALUES)
    text = json.dumps(body)
    match source.randrange(5):
        case 0:
            return text[: source.randrange(len(text))]
        case 1:
            return source.choice(
                ("", "null", "[]", "7", '"play"', "[" * 5000, "{" * 5000, '{"type": {}}', "\x7f" * 100)
            )
        case _:
            return text


def test_ten_thousand_broken_messages_do_not_disturb_other_viewers(folder: Path) -> None:
    source = random.Random(20240817)
    with serving_here(make_app(folder, FAST)) as port, connecting(port) as connect:
        watcher = connect()
        watcher.send(type="load_replay", run_id="long", episode_id=1)
        watcher.skip_to("state_update")
        hostile = connect()
        n_sent = 0
        for start in range(0, 10_000, 500):
            for _ in range(500):
                hostile.send_text(nonsense(source))
                n_sent += 1
            hostile.send(type="load_replay", run_id="long", episode_id=start + 1_000_000)
            while (answer := hostile.receive_any()) is not None:
                if isinstance(answer, dict) and str(start + 1_000_000) in answer.get("message", ""):
                    break
                assert isinstance(answer, bytes) or answer.get("code") != "internal", answer
            watcher.send(type="step")
            assert watcher.receive("state_update")["step"] == start // 500 + 1
        assert n_sent == 10_000


def test_a_client_that_sends_too_fast_is_warned_and_then_closed(connect: Connect) -> None:
    viewer = connect()
    with suppress(OSError):  # closed
        for _ in range(100_000):
            viewer.socket.sock.sendall(_text_frame(b'{"type": "pause"}'))
    codes = [viewer.receive()["code"] for _ in range(300)]
    assert {"too_fast"} <= set(codes) <= {"no_episode", "too_fast"}
    code, reason = viewer.closing()
    assert code == 1008
    assert "slow down" in reason


def test_a_message_that_is_too_long_closes_with_1009(connect: Connect) -> None:
    viewer = connect()
    viewer.send(type="play", padding="x" * 20_000)
    assert viewer.closing() == (1009, "a message may have at most 16384 bytes")


def test_message_size_is_counted_in_bytes(connect: Connect) -> None:
    viewer = connect()
    viewer.send_text('{"type": "play", "padding": "' + "\N{EURO SIGN}" * 6000 + '"}')
    assert viewer.closing()[0] == 1009


@pytest.mark.parametrize(
    ("beginning", "opcode"),
    [(b"\x01\x80\0\0\0\0", 0x00), (b"", 0x82), (b"", 0x89), (b"", 0x8A)],
    ids=["fragments", "binary messages", "pings", "pongs"],
)
def test_frames_of_every_kind_count_toward_the_limit(connect: Connect, beginning: bytes, opcode: int) -> None:
    viewer = connect()
    with suppress(OSError):  # closed
        viewer.socket.sock.sendall(beginning)
        for _ in range(100):
            viewer.socket.sock.sendall(bytes([opcode, 0x80, 0, 0, 0, 0]) * 100)
    assert viewer.closing()[0] == 1008


def test_a_binary_message_is_refused(connect: Connect) -> None:
    viewer = connect()
    viewer.socket.send(b"\x00\x01")
    assert viewer.receive("error")["code"] == "bad_message"


@pytest.mark.parametrize(
    "rubbish", [b"\xff" * 64, b"\x81\xfe\xff\xff" + b"x" * 64, b"\x81\x84\0\0\0\0\xff\xff\xff\xff"]
)
def test_invalid_frames_close_only_their_connection(connect: Connect, rubbish: bytes) -> None:
    other, viewer = connect(), connect()
    viewer.socket.sock.sendall(rubbish)
    with suppress(OSError):  # the client hangs up as soon as the server does
        viewer.socket.sock.shutdown(socket.SHUT_WR)
    viewer.closing()
    other.send(type="list_recordings", limit=0)
    other.receive("recordings_list")


def test_a_viewer_that_does_not_read_is_closed_and_holds_little_memory(folder: Path) -> None:
    limits = replace(FAST, high_water_bytes=64 * 1024, stalled_secs=2.0, ping_secs=0.2)
    app = make_app(folder, limits)
    hub = app.extensions[EXTENSION].hub
    with serving_here(app) as port, connecting(port) as connect:
        other = connect()
        other.send(type="load_replay", run_id="long", episode_id=1)
        other.skip_to("state_update")
        peak = 0
        index = 0
        with LazyViewer(port) as lazy:
            for _ in range(3000):  # lists of twenty megabytes, more than the system itself would hold
                lazy.send(type="list_recordings")
                peak = max(peak, hub.n_waiting_bytes)
                if peak > 64 * 1024:
                    break

            def is_lazy_viewer_gone() -> bool:
                nonlocal index, peak
                index, peak = index + 1, max(peak, hub.n_waiting_bytes)
                other.send(type="replay_control", action="seek", seek_step=index % 1000)
                assert other.receive("state_update")["step"] == index % 1000
                return hub.n_connections == 1

            wait_until(is_lazy_viewer_gone, message="the lazy viewer's end")
        assert 64 * 1024 < peak < 2 * 64 * 1024


def test_an_idle_viewer_is_closed_and_a_playing_one_is_not(folder: Path) -> None:
    with serving_here(make_app(folder, Limits(idle_secs=0.3, ping_secs=0.2))) as port, connecting(port) as connect:
        playing = connect()
        playing.send(type="load_replay", run_id="long", episode_id=1)
        playing.send(type="play")
        assert connect().closing() == (1000, "idle")
        while playing.skip_to("state_update")["step"] < 5:  # a second of playback: three times what closes an idle one
            pass


def test_viewers_above_the_limit_are_refused_until_one_leaves(folder: Path) -> None:
    with serving_here(make_app(folder, Limits(max_connections=2))) as port, connecting(port) as connect:
        first = connect()
        connect()
        assert upgrade_status(port) == 503
        first.close()
        wait_until(lambda: upgrade_status(port) == 101, message="a free place")


def _text_frame(payload: bytes) -> bytes:
    """A masked text message of the protocol; the mask is zero."""
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload
