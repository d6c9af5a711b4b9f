"""What one record that can't be dealt with costs: itself, and no other."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from recorder.black_box import RingReader
from recorder.episode import EpisodeStatus
from recorder.publish.delivery.ledger import Ledger, RunCounts
from recorder.publish.delivery.outbox import Outbox
from recorder.publish.episodes.open_episodes import OpenEpisodes
from recorder.publish.episodes.open_plays import OpenPlays
from recorder.publish.episodes.summary import EpisodeSummaries
from recorder.publish.identity import RunIdentity
from recorder.publish.stats import RecorderStats
from recorder.step_stream import MemoryStepStream
from tests.capture.recorded import assert_adds_up, ends, finished_episodes
from tests.publish.budgets import a_budget
from tests.publish.trainer import PRODUCER, RUN, Trainer, block_layout


class Sender:
    """A trainer, the open episodes of its ring, and the stream that their outbox sends to."""

    def __init__(self) -> None:
        self.trainer = Trainer()
        self.stats = RecorderStats()
        self.stream = MemoryStepStream()
        self.errors: list[Exception] = []
        ledger = Ledger(keeps_plays=False)
        self.outbox = Outbox(
            self.stream,
            RUN,
            producer_id=PRODUCER,
            max_bytes=1_000_000,
            ledger=ledger,
            run_counts=RunCounts,
            clock=time.time,
        )
        self.plays = OpenPlays(
            RunIdentity(RUN, PRODUCER),
            self.outbox,
            self.stats,
            ledger=ledger,
            pictures=a_budget(),
            on_error=self.errors.append,
            clock=time.time,
        )
        self.open = OpenEpisodes(self.plays, on_error=self.errors.append)
        self._reader = RingReader(self.trainer.ring)

    def send(self) -> None:
        """Take and send all that the trainer has written."""
        for item in self._reader.look(is_final=True):
            self.open.take(item)
        self.plays.tell_rest()
        self.outbox.send({}, header_of=self.plays.header_of)

    def gaps(self, episode_id: int) -> list[tuple[int, int | None, str]]:
        return finished_episodes(self.stream, RUN)[episode_id].gaps


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
def trainer(sender: Sender) -> Trainer:
    return sender.trainer


def test_an_episode_that_can_t_be_ended_keeps_no_other_from_its_end_nor_the_run_nor_the_ring(
    sender: Sender, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = EpisodeSummaries.of

    def spoilt(self: Any, state: Any, given: Any, status: Any, **more: Any) -> dict[str, Any]:
        if state.play.episode_id == 1 and status is EpisodeStatus.TRUNCATED:
            raise RuntimeError("spoilt")
        return of(self, state, given, status, **more)

    monkeypatch.setattr(EpisodeSummaries, "of", spoilt)
    for episode_id in (0, 1, 2):
        trainer.steps(episode_id, range(5))
    trainer.close()
    sender.send()
    assert sorted(finished_episodes(sender.stream, RUN)) == [0, 2]
    assert ends(sender.stream, RUN)[-1]["kind"] == "run_end"
    assert [type(error) for error in sender.errors] == [RuntimeError]
    assert sender.open.needed_from is None
    assert sender.outbox.needed_from is None
    assert [it.play.episode_id for it in sender.stream.open_plays(RUN)] == [1], "workers salvage what there is"


def test_late_steps_and_repeated_ends_are_refused_and_counted(sender: Sender, trainer: Trainer) -> None:
    trainer.steps(0, range(5))
    trainer.finish(0)
    trainer.steps(0, range(5, 8))
    trainer.finish(0)
    trainer.abort(0, "late")
    trainer.record(block_layout(2, 2), episode_id=np.array([[0, 7], [0, 7]]), step=np.array([[9, 0], [10, 1]]))
    trainer.close()
    sender.send()
    assert (sender.stats.n_refused_steps, sender.stats.n_refused_episodes) == (5, 2)
    assert_adds_up(sender.stats, trainer.n_steps)
    assert {str(error) for error in sender.errors} == {
        "episode 0 has ended: what comes later, or uses its id again, is refused"
    }
    assert sender.open.needed_from is None


def test_steps_that_found_the_ring_full_are_gaps_of_their_own_kind(sender: Sender, trainer: Trainer) -> None:
    trainer.steps(0, range(5))
    trainer.gap(0, (5, 8))
    trainer.steps(0, [8, 9, 12])
    trainer.gap(0, (13, 15))
    trainer.gap(3, (0, 4), lane=2)
    trainer.finish(0)
    trainer.close()
    sender.send()
    assert sender.gaps(0) == [(5, 8, "dropped"), (10, 12, "skipped"), (13, 15, "dropped")]
    assert sender.gaps(3) == [(0, 4, "dropped")]
    assert finished_episodes(sender.stream, RUN)[3].metadata.lane == 2


def test_reasons_to_keep_come_with_the_end_and_later_ones_after_it(sender: Sender, trainer: Trainer) -> None:
    trainer.steps(0, range(2))
    for reason in ("a", "b", "a"):
        trainer.keep(0, reason)
    trainer.finish(0)
    trainer.keep(0, "c")
    trainer.keep(5, "never begun")
    sender.send()
    found = ends(sender.stream, RUN)
    assert [(body["kind"], body["episode_id"]) for body in found] == [("end", 0), ("keep", 0), ("keep", 5)]
    assert found[0]["manual"] == ["a", "b"]


def test_an_episode_takes_a_hundred_reasons(sender: Sender, trainer: Trainer) -> None:
    for number in range(103):
        trainer.keep(0, f"reason {number}") if number else trainer.steps(0, range(1))
    trainer.finish(0)
    sender.send()
    assert len(ends(sender.stream, RUN)[0]["manual"]) == 100
    assert len(sender.errors) == 2


def test_an_aborted_episode_leaves_no_entries(sender: Sender, trainer: Trainer) -> None:
    trainer.steps(0, range(600))
    trainer.abort(0, "no use")
    sender.send()
    assert sender.stream.episodes_held(RUN) == []
    assert sender.stream.open_plays(RUN) == []
    (body,) = ends(sender.stream, RUN)
    assert (body["kind"], body["reason"], body["n_steps"]) == ("abort", "no use", 600)
    assert (sender.stats.n_episodes_aborted, sender.stats.n_recorded_steps) == (1, 600)


def test_lanes_and_single_steps_of_one_episode_are_one_play(sender: Sender, trainer: Trainer) -> None:
    layout = block_layout(1, 3)
    trainer.steps(1, range(3))
    for step in range(3, 6):
        trainer.record(layout, episode_id=np.array([[1, 2, -1]]), step=np.array([[step, step - 3, 0]]))
    trainer.steps(1, range(6, 9))
    trainer.finish(1)
    trainer.finish(2)
    sender.send()
    found = finished_episodes(sender.stream, RUN)
    assert {episode_id: ended.metadata.n_steps for episode_id, ended in found.items()} == {1: 9, 2: 3}
    assert found[1].episode.column("reward").tolist() == list(range(9))


def test_a_block_of_many_rows_is_read_as_its_rows_one_by_one(sender: Sender, trainer: Trainer) -> None:
    rows, lanes = 300, [4, 9]
    ids = np.where(np.arange(rows)[:, None] < 130, [[10, 20]], [[11, 20]])
    steps = np.where(np.arange(rows)[:, None] < 130, np.arange(rows)[:, None], np.arange(rows)[:, None] - [[130, 0]])
    layout = block_layout(rows, 2, has_lanes=True)
    trainer.record(layout, episode_id=ids, step=steps, lane=np.tile(lanes, (rows, 1)))
    trainer.close()
    sender.send()
    found = finished_episodes(sender.stream, RUN)
    assert {key: (it.metadata.n_steps, it.metadata.lane) for key, it in found.items()} == {
        10: (130, 4),
        11: (170, 4),
        20: (300, 9),
    }
    assert found[20].episode.column("reward").tolist() == list(range(300))


def test_steps_of_many_episodes_in_turn_are_told_apart(sender: Sender, trainer: Trainer) -> None:
    for step in range(100):
        for episode_id in range(8):
            trainer.steps(episode_id, [step], lane=episode_id)
    trainer.close()
    sender.send()
    found = finished_episodes(sender.stream, RUN)
    assert {key: (it.metadata.n_steps, it.metadata.lane, it.gaps) for key, it in found.items()} == {
        number: (100, number, []) for number in range(8)
    }


def test_lanes_that_are_encoded_together_hold_what_each_was_given(sender: Sender, trainer: Trainer) -> None:
    """Episodes that begin and end together, twice over the length of a block, and one lane that is out of step."""
    n_lanes, n_steps = 6, 300
    layout = block_layout(1, n_lanes)
    lanes = np.arange(n_lanes)
    for turn in range(2):
        for step in range(n_steps):
            own = np.full(n_lanes, step)
            ids = 10 * turn + lanes
            ids[5], own[5] = (100, n_steps * turn + step) if n_steps * turn + step < 450 else (-1, 0)
            position = np.stack([own * 10.0 + lanes, lanes], axis=1)[None]
            assert trainer.record(layout, episode_id=ids[None], step=own[None], position=position)
            if turn == 1 and step == 449 - n_steps:
                trainer.finish(100)
        for lane in range(5):
            trainer.finish(10 * turn + lane)
        sender.send()
    found = finished_episodes(sender.stream, RUN)
    assert sorted(found) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 100]
    for episode_id, ended in found.items():
        lane, length = (5, 450) if episode_id == 100 else (episode_id % 10, n_steps)
        assert ended.episode.column("reward").tolist() == list(range(length))
        assert ended.episode.column("position").tolist() == [[10.0 * step + lane, lane] for step in range(length)]
    assert sender.errors == []
