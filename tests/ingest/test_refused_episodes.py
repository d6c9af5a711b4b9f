"""A run started again under the same id: its trainer is warned at its start and of each refusal; lists show it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import pytest
import redis

from recorder.__main__ import main
from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.catalog import Catalog
from recorder.errors import UsageError
from recorder.settings import Settings
from recorder.step_stream import RedisStepStream
from recorder.wrappers import RecordEpisode
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes
from tests.capture.recorded import assert_adds_up, record
from tests.ingest.rig import RUN, Rig, work
from tests.waiting import wait_until
from worker.ingest import evaluate_run, sweep
from worker.recording_writer import RecordingWriter

QUICK = PublisherLimits(flush_interval_secs=0.01, heartbeat_secs=0.02)
N_EPISODES = 3


@pytest.fixture
def rig(redis_client: redis.Redis, redis_url: str, folder: Path) -> Iterator[Rig]:
    stream = RedisStepStream(redis_url)
    with Catalog(folder / "catalog.db") as catalog:
        yield Rig(stream, catalog, folder)
    stream.close()


def play_all(recorder: EpisodeRecorder, first: int = 0) -> None:
    for episode_id in range(first, first + N_EPISODES):
        record(recorder, episode_id, range(20))
        recorder.finish_episode(episode_id)


def first_time(rig: Rig, redis_url: str) -> None:
    """A run that ends and is written."""
    with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as recorder:
        play_all(recorder)
    work(rig.worker())
    assert rig.catalog.get_run(RUN).ended_at is not None


def test_a_trainer_that_repeats_an_ended_run_is_warned_at_its_start(
    rig: Rig, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    first_time(rig, redis_url)
    rig.stream.forget_run(RUN)  # as a sweep does after an hour
    with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as recorder:
        wait_until(lambda: recorder.stats() and "is not new" in caplog.text, message="the word")
    assert f"it has ended; number of its episodes: {N_EPISODES}, last id: {N_EPISODES - 1}" in caplog.text
    for way in ("resume=True", "another run_id", "unique_run_id=True"):
        assert way in caplog.text


def test_a_trainer_that_repeats_a_run_is_warned_even_before_a_worker_has_seen_it(
    rig: Rig, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as recorder:
        play_all(recorder)
    with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as recorder:
        wait_until(lambda: recorder.stats() and "is not new" in caplog.text, message="the word")
    assert f"episodes that an earlier trainer began in it: {N_EPISODES}" in caplog.text


def test_a_recorder_from_settings_asks_the_catalog_when_redis_has_forgotten_the_run(
    rig: Rig, redis_url: str, redis_client: redis.Redis, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first_time(rig, redis_url)
    redis_client.flushall()
    settings = Settings(recordings_dir=str(folder), redis={"url": redis_url}, run_id=RUN)
    said = f"the run is not new: number of its episodes in the catalog: {N_EPISODES}, last id: {N_EPISODES - 1}; "
    for arguments, n_warnings in (({}, 1), ({"run_id": "new"}, 0), ({"unique_run_id": True}, 0), ({"resume": True}, 0)):
        redis_client.flushall()
        caplog.clear()
        EpisodeRecorder.from_settings(settings, **arguments).close()
        assert caplog.text.count("is not new") == caplog.text.count(said) == n_warnings, arguments
    caplog.clear()
    elsewhere = settings.model_copy(update={"database": "postgresql+psycopg://127.0.0.1:1/none"})
    EpisodeRecorder.from_settings(elsewhere, run_id="other").close()
    assert caplog.text == ""


@pytest.mark.parametrize("resume", [False, True])
def test_wrappers_pass_on_that_a_run_is_resumed(
    rig: Rig, redis_url: str, caplog: pytest.LogCaptureFixture, resume: bool
) -> None:
    first_time(rig, redis_url)
    one = RecordEpisode(gymnasium.make("CartPole-v1"), redis_url, run_id=RUN, resume=resume)
    many = RecordEpisodes(gymnasium.make_vec("CartPole-v1", num_envs=2), redis_url, run_id=RUN, resume=resume)
    for environment in (one, many):
        environment.reset(seed=1)
        environment.close()
    n_warned = 0 if resume else 2
    wait_until(lambda: caplog.text.count("is not new") >= n_warned, message="the warnings")
    assert caplog.text.count("is not new") == n_warned


def test_a_redis_that_has_forgotten_the_run_learns_of_it_from_the_first_sweep(
    rig: Rig, redis_url: str, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    first_time(rig, redis_url)
    redis_client.flushall()
    sweep(rig.worker())
    with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as recorder:
        wait_until(lambda: recorder.stats() and "is not new" in caplog.text, message="the word")
    assert f"it has ended; number of its episodes: {N_EPISODES}, last id: {N_EPISODES - 1}" in caplog.text


def test_a_run_that_still_records_is_not_reported_as_ended(
    rig: Rig, redis_url: str, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    first_time(rig, redis_url)
    redis_client.flushall()
    with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK, resume=True) as recorder:
        play_all(recorder, first=N_EPISODES)
        wait_until(lambda: rig.stream.run_info(RUN).producers, message="its heartbeat")
        sweep(rig.worker())
        assert rig.stream.known_run(RUN) is None


def test_trainers_that_share_or_resume_a_run_are_not_warned(
    rig: Rig, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as one,
        EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as other,
    ):
        play_all(one)
        play_all(other, first=100)
    work(rig.worker())
    with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK, resume=True) as resumed:
        play_all(resumed)
    work(rig.worker())
    assert "not new" not in caplog.text
    assert resumed.stats().n_refused_episodes == 0
    assert {rig.row(number).replaced_plays for number in range(N_EPISODES)} == {1}


@pytest.mark.parametrize("sender", ["process", "thread"])
def test_refused_episodes_are_counted_and_logged_by_their_trainer(
    rig: Rig, redis_url: str, caplog: pytest.LogCaptureFixture, sender: str
) -> None:
    first_time(rig, redis_url)
    with (
        EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK, sender=sender) as again,  # type: ignore[arg-type]
        EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as bystander,
    ):
        play_all(again)
        play_all(bystander, first=100)
        wait_until(lambda: rig.n_unread() == 2 * N_EPISODES, message="the ends")
        work(rig.worker())
        wait_until(lambda: again.stats().n_refused_episodes == N_EPISODES, message="the refusals")
    stats = again.stats()
    assert_adds_up(stats, 20 * N_EPISODES)
    assert (stats.n_recorded_steps, stats.n_refused_steps) == (0, 20 * N_EPISODES)
    assert "was played before: the later play is refused" in stats.last_error
    assert f"workers refused {N_EPISODES} episodes of this recorder so far" in caplog.text
    assert bystander.stats().n_refused_episodes == 0
    assert rig.catalog.get_run(RUN).n_refused == N_EPISODES


def test_a_writer_inside_the_trainer_reports_refused_episodes_too(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def train(*, is_first: bool) -> None:
        recorder = EpisodeRecorder(run_id=RUN, limits=QUICK)
        with RecordingWriter(recorder, folder / "catalog.db", folder, criteria={"periodic": {"interval": 1}}):
            if not is_first:
                wait_until(
                    lambda: "it has ended; number of its episodes: 3, last id: 2" in caplog.text, message="the word"
                )
            play_all(recorder)
            if not is_first:
                wait_until(lambda: recorder.stats().n_refused_episodes == N_EPISODES, message="the refusals")

    train(is_first=True)
    assert "not new" not in caplog.text
    train(is_first=False)


def test_stats_list_and_doctor_show_refused_episodes(
    rig: Rig, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as recorder:
            play_all(recorder)
        work(rig.worker())
    places = ["--redis-url", redis_url, "--recordings", str(rig.folder)]
    assert main(["stats", *places]) == 0
    assert "refused" in capsys.readouterr().out
    assert main(["list", *places]) == 0
    assert f"3 more episodes of run {RUN} were refused" in capsys.readouterr().out
    main(["doctor", *places])
    assert "3 episodes of run-1: the run already had their ids" in capsys.readouterr().out


def test_workers_refuse_episodes_while_redis_is_full(rig: Rig, redis_url: str, redis_client: redis.Redis) -> None:
    first_time(rig, redis_url)
    with EpisodeRecorder(redis_url, run_id=RUN, limits=QUICK) as recorder:
        play_all(recorder)
    redis_client.config_set("maxmemory", 1)
    try:
        evaluate_run(rig.worker(), RUN)
    finally:
        redis_client.config_set("maxmemory", 0)
    assert rig.n_unread() == 0
    assert rig.catalog.get_run(RUN).n_refused == N_EPISODES


def test_unique_run_id_makes_a_run_id_unique() -> None:
    ids = []
    for _ in range(2):
        with contextlib.closing(EpisodeRecorder(run_id="ppo", unique_run_id=True)) as recorder:
            ids.append(recorder.run_id)
    assert ids[0] != ids[1]
    assert all(run_id.startswith("ppo-") for run_id in ids)
    with pytest.raises(UsageError, match="leave one of them out"):
        EpisodeRecorder(run_id="ppo", unique_run_id=True, resume=True)
