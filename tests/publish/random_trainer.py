"""A trainer whose calls are drawn from a seed: every kind of record, in an order that no one has thought of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np

from recorder.black_box import Field
from tests.publish.trainer import REWARD, Trainer, block_layout, step_layout

__all__ = ["calls"]

_NULLABLE = Field("q_values", np.dtype(np.float32), (3,), is_nullable=True)
_LAYOUTS = (
    step_layout(),
    step_layout(REWARD, _NULLABLE),
    step_layout(Field("reward", np.dtype(np.int64), is_number=True)),
    step_layout(REWARD, Field("image", np.dtype(np.uint8), (20, 20))),
)


def calls(trainer: Trainer, seed: int, n_calls: int, *, aborts: bool = True) -> Iterator[Callable[[], object]]:
    """What a trainer does, call by call; the last one closes the run."""
    chance = random.Random(seed)
    next_step: dict[int, int] = {}
    lanes = {lane: 100 + lane for lane in range(6)}
    ended: list[int] = []
    for _ in range(n_calls):
        what = chance.random()
        if what < 0.45:
            episode_id = chance.randrange(4)
            first = next_step.get(episode_id, 0) + chance.choice((0, 0, 0, 0, 0, 3))
            n_steps = chance.choice((1, 3, 40, 130))
            layout = chance.choice(_LAYOUTS) if chance.random() < 0.3 else _LAYOUTS[0]
            if chance.random() < 0.1:
                first = max(first - 5, 0)
            next_step[episode_id] = max(next_step.get(episode_id, 0), first + n_steps)
            has = {"has__q_values": chance.random() < 0.5} if layout is _LAYOUTS[1] else {}
            yield lambda e=episode_id, f=first, n=n_steps, y=layout, h=has: trainer.steps(
                e, range(f, f + n), layout=y, **h
            )
        elif what < 0.75:
            some = sorted(chance.sample(sorted(lanes), 4)) if chance.random() < 0.2 else [0, 1, 2, 3]
            n_rows = chance.choice((1, 1, 1, 5))
            n_calls_alike = chance.choice((1, 20, 60))
            for _ in range(n_calls_alike):
                ids = np.full((n_rows, 4), -1)
                steps = np.zeros((n_rows, 4), np.int64)
                for row in range(n_rows):
                    for place, lane in enumerate(some):
                        if chance.random() < 0.02:
                            lanes[lane] += 10
                        if chance.random() < 0.97:
                            ids[row, place] = lanes[lane]
                            steps[row, place] = next_step.get(lanes[lane], 0)
                            next_step[lanes[lane]] = int(steps[row, place]) + 1
                has_lanes = some != [0, 1, 2, 3]
                lane_column = {"lane": np.tile(some, (n_rows, 1))} if has_lanes else {}
                yield lambda i=ids, s=steps, n=n_rows, h=has_lanes, c=lane_column: trainer.record(
                    block_layout(n, 4, has_lanes=h), episode_id=i, step=s, **c
                )
        else:
            known = sorted(next_step) or [0]
            episode_id = chance.choice(ended if ended and chance.random() < 0.2 else known)
            if what < 0.82:
                ended.append(episode_id)
                yield lambda e=episode_id: trainer.finish(e, total_reward=float(e))
            elif what < 0.86 and aborts:
                ended.append(episode_id)
                yield lambda e=episode_id: trainer.abort(e, "no use")
            elif what < 0.93:
                reason = chance.choice("ab")
                yield lambda e=episode_id, r=reason: trainer.keep(e, r)
            else:
                start = next_step.get(episode_id, 0)
                next_step[episode_id] = start + 4
                yield lambda e=episode_id, s=start: trainer.gap(e, (s, s + 4))
    yield trainer.close
