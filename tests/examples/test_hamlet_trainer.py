"""The example trainer: its world follows its rules, the agent learns, and the recording matches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import gymnasium
import numpy as np
import pytest
import torch

from examples.gymnasium_env import play_episodes
from examples.hamlet.affordances import AFFORDANCES, METER_NAMES, VITAL_METERS, Affordance
from examples.hamlet.curriculum import STAGES, Stage
from examples.hamlet.environment import ACTION_NAMES, MAX_STEPS, Action, HamletEnvironment, describe_world
from examples.hamlet.train import train
from examples.hamlet.transition_memory import TransitionMemory, Transitions
from recorder import Episode, EpisodeRecorder, EpisodeStatus, RecorderStats, open_episode
from recorder.demo.curriculum import Curriculum
from recorder.demo.result import TrainingResult
from recorder.episode_file import build_version2
from recorder.step_stream import FIRST_CURSOR
from recorder.wrappers import AutoSeed, RecordEpisode
from worker.ingest.assemble import read_play

N_LANES = 8
N_STEPS = N_LANES * 160
"""Long enough for deaths, and for the first updates of the agent."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The tensors are small: more threads only wait for each other."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@dataclass(frozen=True)
class RecordedRun:
    """A run, and what the recorder made of it."""

    result: TrainingResult
    stats: RecorderStats
    episodes: dict[int, Episode]
    manual_reasons: dict[int, list[str]]

    @property
    def complete(self) -> list[Episode]:
        return [episode for episode in self.episodes.values() if episode.metadata.status == EpisodeStatus.COMPLETE]


def read_episode(recorder: EpisodeRecorder, episode_id: int) -> Episode:
    """An episode as its file would show it."""
    content = read_play(recorder.stream.read_episode(recorder.run_id, episode_id, limit=1000))
    frames = [(chunk.first_step, chunk.n_steps, data) for chunk, data in content.chunks]
    data, *_ = build_version2(metadata=content.metadata, reasons=(), schema=content.schema, chunks=frames)
    return open_episode(data)


@pytest.fixture(scope="module")
def run() -> RecordedRun:
    with EpisodeRecorder(run_id="life", strict=True, **describe_world(3)) as recorder:
        result = train(recorder=recorder, n_lanes=N_LANES, env_steps=N_STEPS, seed=3)
    finished = recorder.stream.read_finished("life", after=FIRST_CURSOR, limit=1000)
    ends = [entry.body for entry in finished if entry.body["kind"] == "end"]
    return RecordedRun(
        result,
        recorder.stats(),
        {body["episode_id"]: read_episode(recorder, body["episode_id"]) for body in ends},
        {body["episode_id"]: list(body["manual"]) for body in ends if body["manual"]},
    )


def test_every_step_of_every_lane_is_recorded(run: RecordedRun) -> None:
    assert run.stats.n_recorded_steps == run.result.env_steps == N_STEPS
    assert run.stats.n_missing_steps == 0
    assert run.stats.n_errors == 0
    assert sorted(run.episodes) == list(range(len(run.episodes)))
    assert sum(episode.n_steps for episode in run.episodes.values()) == N_STEPS
    for episode in run.episodes.values():
        assert episode.step_numbers.tolist() == list(range(episode.n_steps))


def test_the_recorded_lengths_are_the_reported_ones(run: RecordedRun) -> None:
    assert run.result.n_episodes > 0
    assert sorted(e.metadata.survival_steps for e in run.complete) == sorted(run.result.survival_steps)
    assert len(run.episodes) - len(run.complete) <= N_LANES


def test_only_the_last_step_of_an_episode_is_done(run: RecordedRun) -> None:
    for episode in run.complete:
        over = episode.column("terminated") | episode.column("truncated")
        assert over.tolist() == [False] * (episode.n_steps - 1) + [True]


def test_a_death_shows_the_empty_meter_not_the_reset_state(run: RecordedRun) -> None:
    vital = [METER_NAMES.index(name) for name in VITAL_METERS]
    deaths = [episode for episode in run.complete if episode.column("terminated")[-1]]
    assert deaths
    for episode in deaths:
        assert episode.column("meters")[-1, vital].min() == 0.0


def test_a_recorded_action_was_allowed_by_the_mask_it_was_chosen_from(run: RecordedRun) -> None:
    for episode in run.episodes.values():
        assert episode.column("action_masks")[np.arange(episode.n_steps), episode.column("action")].all()


def test_a_recorded_move_leads_to_the_recorded_position(run: RecordedRun) -> None:
    moves = np.array([(0, -1), (0, 1), (-1, 0), (1, 0), (0, 0), (0, 0)])
    for episode in run.episodes.values():
        position, action = episode.column("position"), episode.column("action")
        assert (np.diff(position, axis=0) == moves[action[1:]]).all()


def test_returns_are_summed_and_the_novelty_is_weighted_by_the_stage(run: RecordedRun) -> None:
    for episode in run.complete:
        metadata = episode.metadata
        extrinsic, intrinsic = (float(episode.column(name).sum()) for name in ("reward", "intrinsic_reward"))
        assert metadata.extrinsic_reward == pytest.approx(extrinsic, rel=1e-4, abs=1e-4)
        assert metadata.intrinsic_weight == STAGES[metadata.curriculum_stage - 1].intrinsic_weight
        total = extrinsic + metadata.intrinsic_weight * intrinsic
        assert metadata.total_reward == pytest.approx(total, rel=1e-4, abs=1e-4)


def test_metadata_names_meters_actions_and_affordances(run: RecordedRun) -> None:
    for episode in run.complete:
        metadata = episode.metadata
        assert tuple(metadata.meter_names) == METER_NAMES
        assert tuple(metadata.action_names) == ACTION_NAMES
        assert set(metadata.affordance_layout) == set(STAGES[0].affordances) == set(metadata.affordance_visits)
        begun = sum(metadata.affordance_visits.values())
        assert begun <= np.count_nonzero(episode.column("action") == Action.INTERACT)
    assert any(sum(episode.metadata.affordance_visits.values()) for episode in run.complete)


def test_each_new_longest_life_is_kept_by_hand(run: RecordedRun) -> None:
    longest = [0, *accumulate(run.result.survival_steps, max)]
    new_records = [now for before, now in pairwise(longest) if now > before]
    kept = sorted(run.episodes[episode_id].metadata.survival_steps for episode_id in run.manual_reasons)
    assert kept == new_records
    assert all(reasons == ["longest_life"] for reasons in run.manual_reasons.values())


@pytest.mark.parametrize("interval_secs", [0.0, 3600.0])
def test_progress_and_end_are_reported_once(monkeypatch: pytest.MonkeyPatch, interval_secs: float) -> None:
    monkeypatch.setattr("examples.hamlet.train.PROGRESS_INTERVAL_SECS", interval_secs)
    reports: list[int] = []
    train(n_lanes=2, env_steps=6, on_progress=lambda progress: reports.append(progress.env_steps))
    assert reports == ([6] if interval_secs else [2, 4, 6])


def test_the_same_seed_gives_the_same_training_without_a_recorder(run: RecordedRun) -> None:
    alone = train(n_lanes=N_LANES, env_steps=N_STEPS, seed=3)
    assert alone.survival_steps == run.result.survival_steps
    assert alone.recording_seconds == 0 < run.result.recording_seconds


def test_another_seed_gives_another_training() -> None:
    first, second = (train(n_lanes=N_LANES, env_steps=N_STEPS, seed=seed) for seed in (0, 1))
    assert first.survival_steps != second.survival_steps


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_the_trainer_runs_on_a_cuda_device() -> None:
    assert train(n_lanes=N_LANES, env_steps=N_STEPS, device="cuda").n_episodes > 0


def test_training_without_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="give seconds=, env_steps= or both"):
        train()


def environment_at(place: str, stage: Stage = STAGES[0], *, hour: int = 12) -> HamletEnvironment:
    """One lane whose agent stands on ``place`` with every meter at 0.6."""
    env = HamletEnvironment(1, stages=[stage])
    env.position = torch.tensor([env.layout[place]])
    env.time_of_day = torch.tensor([hour])
    env.meters.fill_(0.6)
    return env


def meter(env: HamletEnvironment, name: str) -> float:
    return float(env.meters[0, METER_NAMES.index(name)])


def act(env: HamletEnvironment, action: Action) -> None:
    env.step(torch.tensor([action]))


def test_an_interaction_takes_its_ticks_and_reports_progress() -> None:
    env = environment_at("Bed")
    energy, progress = [], []
    for _ in range(5):
        act(env, Action.INTERACT)
        energy.append(meter(env, "energy"))
        progress.append(float(env.interaction_progress[0]))
    assert progress == [0.25, 0.5, 0.75, 1.0, 0.25]
    assert energy[0] > 0.6
    assert int(env.visits[0, 0]) == 2


def test_an_interrupted_interaction_begins_again() -> None:
    env = environment_at("Bed")
    act(env, Action.INTERACT)
    act(env, Action.WAIT)
    assert float(env.interaction_progress[0]) == 0.0
    act(env, Action.INTERACT)
    assert float(env.interaction_progress[0]) == 0.25


def test_a_job_pays_money_and_a_meal_costs_money() -> None:
    job, meal = environment_at("Job"), environment_at("HomeMeal")
    act(job, Action.INTERACT)
    act(meal, Action.INTERACT)
    assert meter(job, "money") == pytest.approx(0.6 + 0.60 / 5)
    assert meter(meal, "money") == pytest.approx(0.6 - 0.06 / 3)


@pytest.mark.parametrize(
    ("place", "stage", "hour", "money", "allowed"),
    [
        ("Job", 3, 12, 0.5, True),
        ("Job", 3, 20, 0.5, False),
        ("Job", 1, 20, 0.5, True),
        ("Bar", 3, 2, 0.5, True),
        ("Bar", 3, 12, 0.5, False),
        ("Gym", 1, 12, 0.5, False),
        ("Doctor", 2, 12, 0.0, False),
    ],
)
def test_interact_is_masked_where_a_place_is_absent_closed_or_too_expensive(
    place: str, stage: int, hour: int, money: float, allowed: bool
) -> None:
    env = environment_at(place, STAGES[stage - 1], hour=hour)
    env.meters[0, METER_NAMES.index("money")] = money
    assert bool(env.action_masks()[0, Action.INTERACT]) is allowed


def test_moves_into_walls_are_masked_and_harmless() -> None:
    env = environment_at("Bed")
    env.position = torch.tensor([[0, 7]])
    assert env.action_masks()[0, :4].tolist() == [True, False, False, True]
    act(env, Action.DOWN)
    assert env.position.tolist() == [[0, 7]]


def test_an_empty_meter_drains_the_meters_that_depend_on_it() -> None:
    fed, starved = environment_at("Bed"), environment_at("Bed")
    starved.meters[0, METER_NAMES.index("hygiene")] = 0.0
    act(fed, Action.WAIT)
    act(starved, Action.WAIT)
    assert meter(starved, "health") < meter(fed, "health")
    assert meter(starved, "social") < meter(fed, "social")


def test_an_agent_that_only_waits_dies() -> None:
    env = environment_at("Bed")
    for _ in range(MAX_STEPS):
        outcome = env.step(torch.tensor([Action.WAIT]))
        if bool(outcome.terminated[0]):
            break
    assert bool(outcome.terminated[0])
    assert not bool(outcome.truncated[0])


def test_an_immortal_agent_is_truncated_at_the_maximum_length() -> None:
    env = environment_at("Bed")
    ends = []
    for _ in range(MAX_STEPS):
        env.meters.fill_(1.0)
        ends.append(bool(env.step(torch.tensor([Action.WAIT])).truncated[0]))
    assert ends == [False] * (MAX_STEPS - 1) + [True]


def test_sparse_rewards_are_the_sum_of_dense_ones() -> None:
    dense_stage = replace(STAGES[4], sparse_reward=False)
    sparse_stage = replace(STAGES[4], sparse_reward=True)
    dense, sparse = (
        [float(env.step(torch.tensor([Action.WAIT])).reward[0]) for _ in range(6)]
        for env in (environment_at("Bed", dense_stage, hour=0), environment_at("Bed", sparse_stage, hour=0))
    )
    assert sparse[:5] == [0.0] * 5
    assert sparse[5] == pytest.approx(sum(dense))


def test_a_place_that_closes_before_it_opens_is_open_at_night() -> None:
    bar = Affordance("Bar", 1, opens=18, closes=4)
    assert [hour for hour in range(24) if bar.is_open(hour)] == [0, 1, 2, 3, 18, 19, 20, 21, 22, 23]


def test_stages_name_only_affordances_that_exist() -> None:
    names = {affordance.name for affordance in AFFORDANCES}
    assert all(set(stage.affordances) <= names for stage in STAGES)


def test_the_curriculum_advances_on_long_lives_and_retreats_on_short_ones() -> None:
    curriculum = Curriculum(100, STAGES, window_episodes=3)
    for episode_id in range(3):
        curriculum.episode_ended(episode_id, stage=STAGES[0], survival_steps=90)
    assert curriculum.stage is STAGES[1]
    curriculum.episode_ended(3, stage=STAGES[0], survival_steps=1)  # began before the transition: says nothing now
    for episode_id in range(4, 7):
        curriculum.episode_ended(episode_id, stage=STAGES[1], survival_steps=5)
    assert curriculum.stage is STAGES[0]
    assert [(t.episode_id, t.from_stage, t.to_stage) for t in curriculum.transitions] == [(2, 1, 2), (6, 2, 1)]


def test_the_transition_memory_keeps_the_latest_transitions() -> None:
    memory = TransitionMemory(6, generator=torch.Generator().manual_seed(0))
    for value in range(4):
        column = torch.full((2,), float(value))
        memory.add(Transitions(column, column, column, column, column, column))
    assert len(memory) == 6
    assert set(memory.draw(200).reward.tolist()) == {1.0, 2.0, 3.0}


def test_drawing_from_an_empty_transition_memory_is_refused() -> None:
    with pytest.raises(LookupError, match="add transitions first"):
        TransitionMemory(6, generator=torch.Generator()).draw(1)


def test_a_gymnasium_environment_is_recorded_with_its_observations() -> None:
    with (
        EpisodeRecorder(run_id="cart", strict=True) as recorder,
        RecordEpisode(AutoSeed(gymnasium.make("CartPole-v1")), recorder) as env,
    ):
        play_episodes(env, n_episodes=3, seed=5)
    seeds = set()
    for episode_id in range(3):
        episode = read_episode(recorder, episode_id)
        assert episode.column("done").tolist() == [False] * (episode.n_steps - 1) + [True]
        assert episode.column("extras.observation").shape == (episode.n_steps, 4)
        assert episode.metadata.survival_steps == episode.metadata.total_reward == episode.n_steps
        assert episode.metadata.info["env_id"] == "CartPole-v1"
        seeds.add(episode.metadata.info["seed"])
    assert len(seeds) == 3
    assert 5 in seeds
