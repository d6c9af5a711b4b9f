"""Many viewers of a replay server in one process, on plain sockets: a load generator that costs little itself.

``python -m benchmarks.replay_viewers PORT RUN N_EPISODES N_VIEWERS SECS json|binary`` prints one line of JSON. It speaks
to 127.0.0.1 only.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import struct
import sys
import time
from array import array
from dataclasses import dataclass, field

__all__ = ["main"]

_STEPS_PER_SEC = 30
_SPEED = _STEPS_PER_SEC / 5
_WARM_UP_SECS = 1.0
_BUFFER_BYTES = 256 * 1024
_PART = struct.Struct("<BBHIII")
_MASK = b"\0\0\0\0"  # a mask of zeros is a mask, and leaves the bytes as they are


@dataclass(slots=True)
class Viewer:
    """One connection.

    Args:
        gaps: seconds between the arrival of messages that count.
        ready_until: binary: time until which the steps that have come last, when played at 30 a second.
    """

    sock: socket.socket
    episode_id: int
    rest: bytes = b""
    last_at: float = 0.0
    gaps: array[float] = field(default_factory=lambda: array("d"))
    n_messages: int = 0
    chunk_steps: list[int] = field(default_factory=list)
    ready_until: float = 0.0
    n_stalls: int = 0
    is_over: bool = False

    def send(self, message: dict[str, object]) -> None:
        """One text message of under 126 bytes, or under 64 KiB."""
        payload = json.dumps(message).encode()
        head = (
            bytes([0x81, 0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BBH", 0x81, 0xFE, len(payload))
        )
        self.sock.sendall(head + _MASK + payload)


def connect(port: int, episode_id: int) -> Viewer:
    """Connect and upgrade."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    sock.sendall(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = sock.recv(4096)
        if not part:
            raise ConnectionError(f"refused: {answer!r:.200}")
        answer += part
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b" 101 " not in head:
        raise ConnectionError(f"refused: {head!r:.200}")
    return Viewer(sock, episode_id, rest)


def take_messages(viewer: Viewer, data: bytes) -> list[tuple[int, bytes]]:
    """Opcode and payload of every whole message in what has come."""
    data = viewer.rest + data
    messages, start, end = [], 0, len(data)
    while end - start >= 2:
        opcode, length = data[start] & 0x0F, data[start + 1]
        body = start + 2
        if length == 126:
            if end - start < 4:
                break
            length, body = int.from_bytes(data[start + 2 : start + 4]), start + 4
        elif length == 127:
            if end - start < 10:
                break
            length, body = int.from_bytes(data[start + 2 : start + 10]), start + 10
        if end < body + length:
            break
        messages.append((opcode, data[body : body + length]))
        start = body + length
    viewer.rest = data[start:]
    return messages


def on_json(viewer: Viewer, now: float, messages: list[tuple[int, bytes]], counts_from: float) -> None:
    """Note when updates came; begin again at the end of the episode."""
    for opcode, payload in messages:
        if opcode == 0x8:
            viewer.is_over = True
        elif payload.startswith(b'{"type":"state_update"'):
            viewer.n_messages += 1
            if viewer.last_at > counts_from:
                viewer.gaps.append(now - viewer.last_at)
            viewer.last_at = now
        elif payload.startswith(b'{"type":"replay_finished"'):
            viewer.send({"type": "play"})


def on_binary(viewer: Viewer, now: float, messages: list[tuple[int, bytes]]) -> None:
    """Play what came at 30 steps a second, ask for the next chunk, and note when it came too late."""
    for opcode, payload in messages:
        if opcode == 0x8:
            viewer.is_over = True
        elif opcode == 0x2:
            _, is_last, _, number, _, _ = _PART.unpack_from(payload)
            if is_last:
                viewer.n_messages += 1
                if viewer.ready_until and now > viewer.ready_until:
                    viewer.n_stalls += 1
                viewer.ready_until = max(viewer.ready_until, now) + viewer.chunk_steps[number] / _STEPS_PER_SEC
        elif payload.startswith(b'{"type":"opened"'):
            viewer.chunk_steps = [row[1] for row in json.loads(payload)["chunks"]]
        elif payload.startswith(b'{"type":"eof"'):
            viewer.send({"type": "seek", "id": 1, "step": 0, "credit": 1})
            return


def main(arguments: list[str]) -> int:
    """Run the load; returns the exit status."""
    port, n_episodes, n_viewers = int(arguments[0]), int(arguments[2]), int(arguments[3])
    run_id, secs, is_binary = arguments[1], float(arguments[4]), arguments[5] == "binary"
    selector = selectors.EpollSelector()
    viewers = [connect(port, number % n_episodes) for number in range(n_viewers)]
    started = time.monotonic()
    waiting = sorted(((number / n_viewers, viewer) for number, viewer in enumerate(viewers)), key=lambda item: item[0])
    for viewer in viewers:
        viewer.sock.setblocking(True)
        selector.register(viewer.sock, selectors.EVENT_READ, viewer)
    counts_from, ends_at = started + 1.0 + _WARM_UP_SECS, started + 1.0 + _WARM_UP_SECS + secs
    next_credit = 0
    while (now := time.monotonic()) < ends_at:
        while waiting and started + waiting[0][0] <= now:
            begin(waiting.pop(0)[1], run_id, is_binary=is_binary)
        for key, _ in selector.select(0.01):
            viewer = key.data
            data = viewer.sock.recv(_BUFFER_BYTES)
            now = time.monotonic()
            if not data:
                viewer.is_over = True
                selector.unregister(viewer.sock)
            elif is_binary:
                on_binary(viewer, now, take_messages(viewer, data))
            else:
                on_json(viewer, now, take_messages(viewer, data), counts_from)
        if is_binary:
            next_credit = ask_for_more(viewers, now, next_credit)
    report(viewers, secs)
    return 0


def begin(viewer: Viewer, run_id: str, *, is_binary: bool) -> None:
    """Ask for the episode, and for its steps."""
    if is_binary:
        viewer.send({"type": "open", "id": 1, "run_id": run_id, "episode_id": viewer.episode_id, "credit": 1})
    else:
        viewer.send({"type": "load_replay", "run_id": run_id, "episode_id": viewer.episode_id})
        viewer.send({"type": "set_speed", "speed": _SPEED})
        viewer.send({"type": "play"})


def ask_for_more(viewers: list[Viewer], now: float, start: int) -> int:
    """Give credit to those whose steps run out within a second; a part of the viewers each time, in turns."""
    stop = min(start + 200, len(viewers))
    for viewer in viewers[start:stop]:
        if viewer.ready_until and viewer.ready_until - now < 1.0 and viewer.n_messages > len(viewer.gaps):
            viewer.gaps.append(viewer.ready_until - now)
            viewer.send({"type": "credit", "id": 1, "n": 1})
    return stop if stop < len(viewers) else 0


def report(viewers: list[Viewer], secs: float) -> None:
    """Print what was seen."""
    gaps = sorted(gap for viewer in viewers for gap in viewer.gaps)
    print(
        json.dumps(
            {
                "n_viewers": len(viewers),
                "n_over": sum(viewer.is_over for viewer in viewers),
                "n_messages": sum(viewer.n_messages for viewer in viewers),
                "n_silent": sum(viewer.n_messages == 0 for viewer in viewers),
                "per_sec": len(gaps) / secs,
                "gap_p50_ms": 1e3 * gaps[len(gaps) // 2] if gaps else None,
                "gap_p99_ms": 1e3 * gaps[int(len(gaps) * 0.99)] if gaps else None,
                "gap_max_ms": 1e3 * gaps[-1] if gaps else None,
                "n_stalls": sum(viewer.n_stalls for viewer in viewers),
                "cpu_secs": sum(os.times()[:2]),
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
