"""The example trainer: its world keeps its rules, it learns, and it tells the recorder the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium
import pytest
import torch

from examples.gymnasium_env import record_episodes
from examples.hamlet.affordances import AFFORDANCES, METER_NAMES, Affordance
from examples.hamlet.curriculum import STAGES, Curriculum, Stage
from examples.hamlet.environment import ACTION_NAMES, MAX_STEPS, Action, HamletEnvironment
from examples.hamlet.train import train
from examples.hamlet.transition_memory import TransitionMemory, Transitions
from recorder.episode import EpisodeMetadata

N_LANES = 8
N_STEPS = N_LANES * 160
"""Long enough for deaths, and for the first updates of the agent."""


class CheckingRecorder:
    """Takes what the recorder takes, refuses what the recorder would refuse, and remembers all of it as numpy."""

    SHAPES = {  # noqa: RUF012
        "positions": (2,),
        "meters": (len(METER_NAMES),),
        "q_values": (len(ACTION_NAMES),),
        "action_masks": (len(ACTION_NAMES),),
    }

    def __init__(self) -> None:
        self.steps: dict[int, list[dict[str, Any]]] = {}
        self.metadata: dict[int, EpisodeMetadata] = {}
        self.kept: dict[int, str] = {}

    def record_batch(
        self,
        episode_ids: Any,
        steps: Any,
        positions: Any,
        meters: Any,
        actions: Any,
        rewards: Any,
        intrinsic_rewards: Any,
        **columns: Any,
    ) -> None:
        columns |= {
            "positions": positions,
            "meters": meters,
            "actions": actions,
            "rewards": rewards,
            "intrinsic_rewards": intrinsic_rewards,
        }
        n_lanes = len(episode_ids)
        copies = {name: torch.as_tensor(values).numpy().copy() for name, values in columns.items()}
        for name, values in copies.items():
            assert values.shape == (n_lanes, *self.SHAPES.get(name, ())), name
        for lane, (episode_id, step) in enumerate(zip(episode_ids.tolist(), steps.tolist(), strict=True)):
            assert episode_id not in self.metadata, "a step of an episode that has ended"
            rows = self.steps.setdefault(episode_id, [])
            assert step == len(rows), "steps of an episode are consecutive from 0"
            rows.append({name: values[lane] for name, values in copies.items()})

    def record_step(self, episode_id: int, step: int, **columns: Any) -> None:
        rows = self.steps.setdefault(episode_id, [])
        assert step == len(rows)
        rows.append(columns)

    def finish_episode(self, episode_id: int, metadata: EpisodeMetadata) -> None:
        assert episode_id in self.steps
        assert episode_id not in self.metadata
        self.metadata[episode_id] = metadata

    def keep(self, episode_id: int, reason: str) -> None:
        assert episode_id not in self.metadata, "kept too late: the criteria may have decided"
        self.kept[episode_id] = reason


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The tensors are small: more threads only wait for each other."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def recorded() -> CheckingRecorder:
    recorder = CheckingRecorder()
    train(recorder=recorder, n_lanes=N_LANES, env_steps=N_STEPS, seed=3)  # type: ignore[arg-type]
    return recorder


def test_every_step_of_every_lane_reaches_the_recorder(recorded: CheckingRecorder) -> None:
    assert sum(len(rows) for rows in recorded.steps.values()) == N_STEPS
    assert sorted(recorded.steps) == list(range(len(recorded.steps)))
    assert set(recorded.metadata) <= set(recorded.steps)
    assert len(recorded.steps) - len(recorded.metadata) <= N_LANES


def test_an_episode_is_done_at_its_last_step_and_at_no_other(recorded: CheckingRecorder) -> None:
    for episode_id, metadata in recorded.metadata.items():
        done = [bool(row["terminated"] or row["truncated"]) for row in recorded.steps[episode_id]]
        assert done == [False] * (len(done) - 1) + [True]
        assert metadata.survival_steps == len(done)


def test_a_terminated_episode_ends_with_an_empty_vital_meter_not_with_the_state_after_the_reset(
    recorded: CheckingRecorder,
) -> None:
    vital = [METER_NAMES.index(name) for name in ("energy", "satiation", "health")]
    terminated = [rows[-1] for rows in recorded.steps.values() if rows[-1]["terminated"]]
    assert terminated
    for row in terminated:
        assert row["meters"][vital].min() == 0.0


def test_the_recorded_action_was_allowed_by_the_recorded_mask(recorded: CheckingRecorder) -> None:
    assert all(row["action_masks"][row["actions"]] for rows in recorded.steps.values() for row in rows)


def test_metadata_names_what_the_steps_hold(recorded: CheckingRecorder) -> None:
    for episode_id, metadata in recorded.metadata.items():
        assert metadata.episode_id == episode_id
        assert tuple(metadata.meter_names) == METER_NAMES
        assert tuple(metadata.action_names) == ACTION_NAMES
        assert set(metadata.affordance_layout) == set(STAGES[0].affordances) == set(metadata.affordance_visits)
        begun = sum(metadata.affordance_visits.values())
        interactions = sum(row["actions"] == Action.INTERACT for row in recorded.steps[episode_id])
        assert 0 <= begun <= interactions


def test_each_new_longest_life_is_kept(recorded: CheckingRecorder) -> None:
    lengths = {episode_id: metadata.survival_steps for episode_id, metadata in recorded.metadata.items()}
    assert max(lengths.values()) in {lengths[episode_id] for episode_id in recorded.kept}
    assert set(recorded.kept.values()) == {"longest_life"}


def test_the_same_seed_lives_the_same_lives_with_and_without_a_recorder(recorded: CheckingRecorder) -> None:
    alone = train(n_lanes=N_LANES, env_steps=N_STEPS, seed=3)
    assert sorted(alone.survival_steps) == sorted(m.survival_steps for m in recorded.metadata.values())
    watched = train(recorder=CheckingRecorder(), n_lanes=N_LANES, env_steps=N_STEPS, seed=3)  # type: ignore[arg-type]
    assert watched.survival_steps == alone.survival_steps
    assert watched.recording_seconds > 0
    assert alone.recording_seconds == 0


def test_another_seed_lives_other_lives() -> None:
    first, second = (train(n_lanes=N_LANES, env_steps=N_STEPS, seed=seed) for seed in (0, 1))
    assert first.survival_steps != second.survival_steps


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_the_trainer_runs_on_a_cuda_device() -> None:
    assert train(n_lanes=N_LANES, env_steps=N_STEPS, device="cuda").n_episodes > 0


def test_training_without_an_end_is_refused() -> None:
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


def test_an_interaction_takes_its_ticks_and_shows_its_progress() -> None:
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


def test_a_job_pays_and_a_meal_costs() -> None:
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
def test_interact_is_masked_where_a_place_is_absent_closed_or_too_dear(
    place: str, stage: int, hour: int, money: float, allowed: bool
) -> None:
    env = environment_at(place, STAGES[stage - 1], hour=hour)
    env.meters[0, METER_NAMES.index("money")] = money
    assert bool(env.action_masks()[0, Action.INTERACT]) is allowed


def test_walls_are_masked_and_harmless() -> None:
    env = environment_at("Bed")
    env.position = torch.tensor([[0, 7]])
    assert env.action_masks()[0, :4].tolist() == [True, False, False, True]
    act(env, Action.DOWN)
    assert env.position.tolist() == [[0, 7]]


def test_an_empty_meter_feeds_on_the_meters_that_depend_on_it() -> None:
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


def test_an_agent_that_can_not_die_is_truncated_at_the_longest_episode() -> None:
    env = environment_at("Bed")
    ends = []
    for _ in range(MAX_STEPS):
        env.meters.fill_(1.0)
        ends.append(bool(env.step(torch.tensor([Action.WAIT])).truncated[0]))
    assert ends == [False] * (MAX_STEPS - 1) + [True]


def test_sparse_rewards_are_the_dense_ones_paid_together() -> None:
    dense_stage = replace(STAGES[4], sparse_reward=False)
    sparse_stage = replace(STAGES[4], sparse_reward=True)
    dense, sparse = (
        [float(env.step(torch.tensor([Action.WAIT])).reward[0]) for _ in range(6)]
        for env in (environment_at("Bed", dense_stage, hour=0), environment_at("Bed", sparse_stage, hour=0))
    )
    assert sparse[:5] == [0.0] * 5
    assert sparse[5] == pytest.approx(sum(dense))


def test_a_place_that_closes_before_it_opens_is_open_overnight() -> None:
    bar = Affordance("Bar", 1, opens=18, closes=4)
    assert [hour for hour in range(24) if bar.is_open(hour)] == [0, 1, 2, 3, 18, 19, 20, 21, 22, 23]


def test_stages_name_only_affordances_that_exist() -> None:
    names = {affordance.name for affordance in AFFORDANCES}
    assert all(set(stage.affordances) <= names for stage in STAGES)


def test_the_curriculum_advances_on_long_lives_and_retreats_on_short_ones() -> None:
    curriculum = Curriculum(max_steps=100, window_episodes=3)
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
    recorder = CheckingRecorder()
    with gymnasium.make("CartPole-v1") as env:
        record_episodes(env, recorder, n_episodes=3, seed=5)  # type: ignore[arg-type]
    assert sorted(recorder.steps) == sorted(recorder.metadata) == [0, 1, 2]
    for rows in recorder.steps.values():
        assert [row["done"] for row in rows] == [False] * (len(rows) - 1) + [True]
        assert all(row["extras"]["observation"].shape == (4,) for row in rows)
    assert recorder.metadata[1].info == {"env_id": "CartPole-v1", "seed": 6}
