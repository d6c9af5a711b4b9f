"""A salvaged episode whose trainer was only out of reach: what comes later continues it, and the whole replaces the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorder.catalog import Catalog
from recorder.episode import EpisodeStatus, Gap
from recorder.step_stream import Flush, MemoryStepStream, Outgoing, Play, StreamEntry
from tests.episodes import make_columns
from tests.ingest.rig import LOOK_BACK, RUN, Rig, work, write_all
from tests.ingest.trainer import Trainer
from worker.ingest import IngestContext, evaluate_run, sweep, write_episodes

NEVER = {"periodic": {"interval": 1_000_000}}


class CutOff:
    """A trainer in the midst of an episode of 50 steps, of which 30 have arrived.

    Args:
        trainer: whose.
        n_arrived: chunks of 10 steps.
    """

    def __init__(self, trainer: Trainer, *, n_arrived: int = 3) -> None:
        self.trainer = trainer
        self.play = trainer.new_play(1)
        flush = trainer.chunks(self.play, n_steps=50, seed=1, is_open=True)
        self.header, self.chunks = flush.entries[0], flush.entries[1:]
        self.rest = self.chunks[n_arrived:]
        trainer.send(Flush([self.header, *self.chunks[:n_arrived]], active={self.play: 1.0}))

    def goes_on(self, entries: Sequence[Outgoing]) -> list[Play]:
        """Send more, as an open episode; gives the play when its stream is gone."""
        self.trainer.beat()
        return self.trainer.stream.send(RUN, Flush(list(entries), active={self.play: 2.0}))

    def ends(self, **given: Any) -> None:
        """Send the end, and once more with the header where the stream is gone."""
        end = self.trainer.end(self.play, n_steps=50, **given)
        if self.trainer.stream.send(RUN, end):
            self.trainer.send(Flush([self.header, *end.entries]))

    def comes_back(self, **given: Any) -> None:
        """Send all that is left, with the header and the last seconds where the stream is gone."""
        if self.goes_on(self.rest):
            self.goes_on([self.header, *self.chunks[1:]])
        self.ends(**given)


def salvage(rig: Rig, context: IngestContext) -> None:
    rig.look_in_vain()
    assert sweep(context).n_salvaged == 1


def is_whole(rig: Rig, n_steps: int = 50) -> None:
    episode = rig.episode(1)
    assert (episode.n_steps, episode.gaps) == (n_steps, ())
    for name, values in make_columns(50, seed=1).items():
        np.testing.assert_array_equal(episode.column(name), values[:n_steps])
    row, recording = rig.row(1), rig.catalog.get_recording(RUN, 1)
    assert (row.n_steps, row.status, row.n_missing_steps) == (n_steps, "complete", 0)
    assert (recording.n_steps, recording.status, recording.play_id) == (n_steps, "complete", row.play_id)
    assert len(rig.files()) == 1
    assert rig.stream.episodes_held(RUN) == []
    assert rig.stream.count_open_plays(RUN) == 0
    run = rig.catalog.get_run(RUN)
    assert (run.n_episodes, run.n_refused, run.n_recordings) == (1, 0, 1)


@pytest.mark.parametrize("done", ["salvaged", "evaluated", "written", "swept"])
@pytest.mark.parametrize("compact_below_steps", [0, 64])
@pytest.mark.parametrize("compression", ["lz4", "none"])
def test_an_episode_is_whole_however_far_its_salvage_had_come(
    rig: Rig, trainer: Trainer, done: str, compact_below_steps: int, compression: str
) -> None:
    context = rig.worker(compact_below_steps=compact_below_steps, compression=compression)
    cut_off = CutOff(trainer)
    salvage(rig, context)
    if done != "salvaged":
        evaluate_run(context, RUN)
    if done in ("written", "swept"):
        assert write_all(context) == 1
        assert (rig.episode(1).n_steps, rig.episode(1).metadata.status) == (30, EpisodeStatus.SALVAGED)
        assert rig.episode(1).gaps == (Gap(30, None, "trainer died"),)
    if done == "swept":
        work(context)
    cut_off.comes_back()
    work(context)
    work(context)
    is_whole(rig)
    assert rig.row(1).reasons == ("periodic_1",)


def test_files_of_version_1_are_continued_too(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker(format=1)
    cut_off = CutOff(trainer)
    salvage(rig, context)
    work(context)
    cut_off.comes_back()
    work(context)
    work(context)
    is_whole(rig)


def test_what_arrives_before_the_salvaged_file_is_written_is_not_dropped_with_the_stream(
    rig: Rig, trainer: Trainer
) -> None:
    context = rig.worker()
    cut_off = CutOff(trainer)
    salvage(rig, context)
    evaluate_run(context, RUN)
    assert not cut_off.goes_on(cut_off.rest[:1])
    write_all(context)
    assert rig.episode(1).n_steps == 30
    assert not cut_off.goes_on(cut_off.rest[1:]), "the stream is still there"
    work(context)
    assert rig.row(1).status == "salvaged"
    cut_off.ends()
    work(context)
    work(context)
    is_whole(rig)


def test_an_end_that_says_only_that_the_episode_was_whole_makes_it_so(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    cut_off = CutOff(trainer, n_arrived=5)
    salvage(rig, context)
    work(context)
    assert rig.row(1).status == "salvaged"
    cut_off.comes_back()
    work(context)
    work(context)
    is_whole(rig)


def test_an_episode_that_is_salvaged_twice_has_what_arrived_in_all(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    cut_off = CutOff(trainer, n_arrived=2)
    salvage(rig, context)
    work(context)
    assert cut_off.goes_on([cut_off.chunks[2]])
    cut_off.goes_on([cut_off.header, *cut_off.chunks[1:4]])
    work(context)
    assert rig.episode(1).n_steps == 20
    salvage(rig, context)
    work(context)
    work(context)
    episode = rig.episode(1)
    assert (episode.n_steps, episode.gaps) == (40, (Gap(40, None, "trainer died"),))
    assert (rig.row(1).n_steps, rig.row(1).status, len(rig.files())) == (40, "salvaged", 1)
    cut_off.rest = cut_off.chunks[4:]
    cut_off.comes_back()
    work(context)
    work(context)
    is_whole(rig)


def test_one_that_dies_over_what_it_sends_again_changes_nothing(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    cut_off = CutOff(trainer)
    salvage(rig, context)
    work(context)
    cut_off.goes_on([cut_off.header, *cut_off.chunks[1:3]])
    rig.look_in_vain()
    for _ in range(3):
        work(context)
    assert (rig.row(1).n_steps, rig.row(1).status, rig.row(1).replaced_plays) == (30, "salvaged", 0)
    assert rig.episode(1).n_steps == 30
    assert rig.stream.episodes_held(RUN) == []
    assert rig.stream.count_open_plays(RUN) == 0


def test_one_that_was_killed_before_its_episode_was_open_again_loses_nothing(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    cut_off = CutOff(trainer)
    salvage(rig, context)
    evaluate_run(context, RUN)
    trainer.send(Flush(cut_off.rest[:1]))  # the second transaction of a flush, which names no open episodes
    for _ in range(4):
        work(context)
    assert (rig.row(1).n_steps, rig.episode(1).n_steps) == (40, 40)
    assert rig.stream.episodes_held(RUN) == []


@pytest.mark.parametrize("criteria", [NEVER, LOOK_BACK], ids=["skipped", "held, then skipped"])
def test_the_whole_is_judged_anew_and_what_is_not_kept_leaves_no_file(
    rig: Rig, trainer: Trainer, criteria: Mapping[str, Any]
) -> None:
    context = rig.worker(criteria)
    cut_off = CutOff(trainer)
    salvage(rig, context)
    trainer.close()
    for _ in range(2):
        work(context)
    rig.catalog.get_recording(RUN, 1)
    cut_off.comes_back()
    trainer.close()
    for _ in range(3):
        work(context)
    assert rig.decisions() == {1: ("skipped", ())}
    assert (rig.row(1).n_steps, rig.row(1).status) == (50, "complete")
    assert (rig.files(), rig.recorded_ids(), rig.stream.episodes_held(RUN)) == ([], [], [])


def test_an_episode_that_its_trainer_gives_up_after_all_has_no_file(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    cut_off = CutOff(trainer)
    salvage(rig, context)
    work(context)
    end = trainer.end(cut_off.play, n_steps=50, status=EpisodeStatus.ABORTED, kind="abort", reason="given up")
    trainer.send(Flush(finished=end.finished, closed=[cut_off.play], dropped=[cut_off.play]))
    for _ in range(3):
        work(context)
    assert (rig.row(1).status, rig.row(1).n_steps, rig.files()) == ("aborted", 50, [])


def test_a_deleted_recording_stays_deleted(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    cut_off = CutOff(trainer)
    salvage(rig, context)
    work(context)
    rig.catalog.delete_recording(RUN, 1)
    cut_off.comes_back()
    work(context)
    assert rig.catalog.get_run(RUN).n_refused == 1
    trainer.close()
    rig.look_in_vain()
    for _ in range(3):
        work(context)
    assert (rig.row(1).decision, rig.stream.episodes_held(RUN)) == ("deleted", [])


class SlowReader(MemoryStepStream):
    """Between reading a play and what is done with it, something happens."""

    meanwhile: Any = None

    def read_plays(self, run_id: str, plays: Sequence[Play]) -> list[list[StreamEntry]]:
        found = super().read_plays(run_id, plays)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return found


@pytest.mark.parametrize("is_written_meanwhile", [False, True])
def test_a_writer_that_is_slow_with_the_salvaged_part_spoils_nothing(folder: Path, is_written_meanwhile: bool) -> None:
    slow = SlowReader()
    with Catalog(folder / "catalog.db") as catalog:
        be_slow(Rig(slow, catalog, folder), slow, is_written_meanwhile=is_written_meanwhile)


def be_slow(rig: Rig, slow: SlowReader, *, is_written_meanwhile: bool) -> None:
    late, quick = rig.worker(), rig.worker()
    cut_off = CutOff(Trainer(slow, RUN))
    salvage(rig, quick)
    evaluate_run(quick, RUN)

    def meanwhile() -> None:
        cut_off.comes_back()
        evaluate_run(quick, RUN)
        if is_written_meanwhile:
            assert write_all(quick) == 1

    slow.meanwhile = meanwhile
    assert write_episodes(late, RUN, [1]).n_written == 0
    for _ in range(2):
        work(quick)
    is_whole(rig)


def test_an_end_that_is_read_before_the_stream_began_anew_waits_for_it(rig: Rig, trainer: Trainer) -> None:
    context = rig.worker()
    cut_off = CutOff(trainer)
    salvage(rig, context)
    work(context)
    end = trainer.end(cut_off.play, n_steps=50)
    assert trainer.stream.send(RUN, Flush([*cut_off.rest, *end.entries], end.finished, closed=[cut_off.play]))
    work(context)
    assert rig.episode(1).n_steps == 30, "what was salvaged can be seen until the whole is there"
    trainer.send(Flush([cut_off.header, *cut_off.chunks[2:], *end.entries]))
    rig.late_secs += 10
    work(context)
    work(context)
    is_whole(rig)
