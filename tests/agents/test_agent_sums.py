"""The sums of a sender's play are those of its chunks, also after a successor has taken over."""

from __future__ import annotations

import json
import random

import msgpack
import numpy as np
import pytest

from recorder.agents.columns import ROSTER, agent_column
from recorder.agents.table import agent_table
from recorder.chunk import ColumnData, decode_chunk, encode_chunk, spec_of
from recorder.publish.chunks.sums import add_up
from recorder.publish.play_state import ListLengths, PlayChange, PlayState
from recorder.schema import EpisodeSchema
from recorder.step_stream import Play


def _columns(chance: random.Random, n_steps: int, roster: list[list[object]]) -> dict[str, ColumnData]:
    rng = np.random.default_rng(chance.randrange(2**32))
    columns = {"reward": ColumnData(rng.normal(size=n_steps))}
    for group in {row[2] for row in roster}:
        n_slots = 2 if group == 0 else 3
        has = rng.random(n_steps) < 0.8
        has[0] = True
        values = rng.normal(size=(int(has.sum()), n_slots)).astype(np.float32)
        values[0] = np.nan if chance.random() < 0.5 else np.inf
        columns[agent_column(group, "present")] = ColumnData(rng.random((n_steps, n_slots)) < 0.7)  # type: ignore[arg-type]
        columns[agent_column(group, "reward")] = ColumnData(values, has)  # type: ignore[arg-type]
        columns[agent_column(group, "intrinsic_reward")] = ColumnData(rng.normal(size=(n_steps, n_slots)))  # type: ignore[arg-type]
    if chance.random() < 0.7:
        has = np.zeros(n_steps, np.bool_)
        has[0] = True
        columns[ROSTER] = ColumnData(np.array([json.dumps(roster).encode()]), has)
    return columns


@pytest.mark.parametrize("seed", range(6))
def test_a_successor_has_the_sums_of_one_that_never_died(seed: int) -> None:
    chance = random.Random(seed)
    roster: list[list[object]] = [["a", "", 0, 0], ["b", "red", 0, 1]]
    sender, reader = PlayState(Play(1, 1), 0), PlayState(Play(1, 1), 0)
    reported, first, chunks = ListLengths(), 0, []
    for number in range(12):
        if number == 4:
            roster = [["a", "late", 0, 0], roster[1], ["ü", "red", 1, 2]]
        n_steps = chance.randrange(1, 30)
        columns = _columns(chance, n_steps, roster)
        if number in (0, 4):
            has = np.arange(n_steps) == 0
            columns[ROSTER] = ColumnData(np.array([json.dumps(roster).encode()]), has)
        schema = EpisodeSchema(tuple(spec_of(name, data.values) for name, data in columns.items()))
        data = encode_chunk(schema, first_step=first, n_steps=n_steps, columns=columns)
        chunks.append(decode_chunk(data, schema))
        n_agents = add_up(sender, columns, n_steps)
        reported = reported._replace(n_agents=min(reported.n_agents, n_agents))
        change = sender.change(reported)
        reported = sender.list_lengths()
        reader.apply(PlayChange.from_list(msgpack.unpackb(msgpack.packb(change.to_list()))))
        if chance.random() < 0.3:  # it dies, and its successor goes on with what was told
            sender, reader = reader, PlayState(Play(1, 1), 0)
            reader.apply(PlayChange.from_list(msgpack.unpackb(msgpack.packb(sender.change(ListLengths()).to_list()))))
        first += n_steps
    expected = agent_table(chunks, intrinsic_weight=0.5)
    for state in (sender, reader):
        found = state.agents.table(0.5)
        assert [(it.agent_id, it.team, it.group, it.slot) for it in found] == [
            (it.agent_id, it.team, it.group, it.slot) for it in expected
        ]
        np.testing.assert_allclose([it.return_ for it in found], [it.return_ for it in expected])
