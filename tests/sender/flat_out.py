"""A trainer that records as fast as it can, and says in shared memory how many steps its calls have accepted.

``python flat_out.py REDIS_URL FOLDER COUNTS RUN_ID HOW N_STEPS [CLOSE]``: HOW is ``steps`` or ``batches``. The reward of a
step is its number, so that a reader can tell which arrived. With CLOSE, the recorder is closed once a file of that name exists.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from pathlib import Path

import numpy as np

from recorder.capture import EpisodeRecorder

__all__ = ["EPISODE_STEPS", "N_LANES", "accepted"]

EPISODE_STEPS = 400
N_LANES = 8
_PAIR = struct.Struct("<QQ")


def accepted(counts: Path) -> tuple[int, int]:
    """Steps that were accepted, and those that were being handed over at the end."""
    n_accepted, n_at_most = _PAIR.unpack(counts.read_bytes())
    return n_accepted, n_at_most


def main() -> None:
    url, folder, counts, run_id, how, n_steps, *close = sys.argv[1:]
    Path(counts).write_bytes(bytes(_PAIR.size))
    with open(counts, "r+b") as file:
        # Each number is stored by itself: `pack_into` writes zeros first, and a kill may leave them.
        shared = memoryview(mmap.mmap(file.fileno(), _PAIR.size)).cast("Q")
    recorder = EpisodeRecorder(url, run_id=run_id, black_box_dir=folder, on_full="block")
    print("begun", recorder.sender_pid, flush=True)
    record = record_steps if how == "steps" else record_batches
    record(recorder, shared, int(n_steps))
    print("recorded", flush=True)
    while not all(Path(name).exists() for name in close):
        recorder.stats()
        time.sleep(0.002)
    if not recorder.close(120.0):
        sys.exit("not everything was sent")
    stats = recorder.stats()
    print("closed", stats.n_recorded_steps, stats.n_missing_steps, flush=True)


def record_steps(recorder: EpisodeRecorder, shared: memoryview, n_steps: int) -> None:
    for number in range(n_steps):
        episode_id, step = divmod(number, EPISODE_STEPS)
        shared[1] = number + 1
        recorder.record_step(episode_id, step, (1, 2), [0.5, 0.25], 2, float(number))
        shared[0] = number + 1
        if step == EPISODE_STEPS - 1:
            recorder.finish_episode(episode_id)
        pace(recorder, number, every=1000)


def record_batches(recorder: EpisodeRecorder, shared: memoryview, n_steps: int) -> None:
    lanes = np.arange(N_LANES)
    meters = np.zeros((N_LANES, 2))
    for turn in range(n_steps // N_LANES):
        round_, step = divmod(turn, EPISODE_STEPS)
        first = turn * N_LANES
        shared[1] = first + N_LANES
        ids, rewards = round_ * N_LANES + lanes, (first + lanes).astype(float)
        recorder.record_batch(ids, np.full(N_LANES, step), None, meters, lanes, rewards)
        shared[0] = first + N_LANES
        if step == EPISODE_STEPS - 1:
            for episode_id in ids.tolist():
                recorder.finish_episode(episode_id)
        pace(recorder, turn, every=50)


def pace(recorder: EpisodeRecorder, turn: int, *, every: int) -> None:
    """Now and then ask for the counters, as a training loop does; and leave the machine to others for a moment."""
    if turn % every == every - 1:
        recorder.stats()
        time.sleep(0.002)


if __name__ == "__main__":
    main()
