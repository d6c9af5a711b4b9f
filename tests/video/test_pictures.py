"""Videos of recorded pictures."""

from __future__ import annotations

import numpy as np
import pytest

from recorder.chunk import ColumnData, encode_chunk, spec_of
from recorder.episode import EpisodeMetadata, Substrate
from recorder.episode_file import Episode, build_version2, open_episode
from recorder.errors import UsageError
from recorder.schema import EpisodeSchema
from tests.agent_episodes import SEEN, seen_by_agents
from tests.capture.recorded import record_one
from worker.video.canvas.geometry import Rect
from worker.video.renderer import EpisodeVideoRenderer

N_STEPS = 12
SIDE = 20
PICTURES = np.random.default_rng(4).integers(0, 256, (N_STEPS, SIDE, SIDE, 3), np.uint8)
PRESENT = np.arange(N_STEPS) % 4 != 3


def episode(*, has_positions: bool = True, has_pictures: bool = True, fuel: np.ndarray | None = None) -> Episode:
    columns = {"reward": ColumnData(np.ones(N_STEPS, "<f4"))}
    if has_positions:
        columns["position"] = ColumnData(np.stack([np.arange(N_STEPS) % 8, np.full(N_STEPS, 3)], axis=1).astype("<i2"))
    if has_pictures:
        columns["extras.observation"] = ColumnData(PICTURES[PRESENT], PRESENT)
    if fuel is not None:
        columns["meters"] = ColumnData(fuel.astype("<f4")[:, np.newaxis])
    schema = EpisodeSchema(tuple(spec_of(name, data.values) for name, data in columns.items()))
    chunk = encode_chunk(schema, first_step=0, n_steps=N_STEPS, columns=columns)
    metadata = EpisodeMetadata(
        episode_id=1,
        n_steps=N_STEPS,
        substrate=Substrate("grid", 2, 8, 8),
        meter_names=() if fuel is None else ("fuel",),
    )
    return open_episode(build_version2(metadata=metadata, reasons=[], schema=schema, chunks=[(0, N_STEPS, chunk)])[0])


def shows(renderer: EpisodeVideoRenderer, frame: int, picture: int) -> bool:
    """Whether a frame shows one of ``PICTURES``."""
    return shows_pixels(renderer, frame, PICTURES[picture])


def shows_pixels(renderer: EpisodeVideoRenderer, frame: int, picture: np.ndarray) -> bool:
    """Whether a frame has every pixel of a picture in its place on the largest panel, each as large as the others."""
    pixels = renderer.frame(frame)
    area: Rect = renderer.layout.board
    panel = pixels[area.y : area.bottom, area.x : area.right]
    for factor in range(panel.shape[0] // picture.shape[0], 0, -1):
        enlarged = picture.repeat(factor, 0).repeat(factor, 1)
        corner = (panel == enlarged[0, 0]).all(axis=2)
        for y, x in np.argwhere(corner[: panel.shape[0] - len(enlarged) + 1]):
            if np.array_equal(panel[y : y + len(enlarged), x : x + enlarged.shape[1]], enlarged):
                return True
    return False


@pytest.mark.parametrize("source", [None, "picture", "both"])
def test_a_frame_shows_the_picture_of_its_step_with_sharp_pixels(source: str | None) -> None:
    renderer = EpisodeVideoRenderer(episode(), width=640, height=360, source=source)
    assert shows(renderer, 5, 5)
    assert shows(renderer, 2, 2)
    assert not shows(renderer, 3, 3), "a step without a picture shows another, faded"
    assert shows(renderer, 4, 4)
    assert (renderer.board is not None) == (source == "both")


def test_a_crisis_enlarges_the_board_and_not_the_picture_above_it() -> None:
    fuel = np.where(np.arange(N_STEPS) < 4, 1.0, 0.05)
    plain, strong = (
        EpisodeVideoRenderer(episode(fuel=fuel), width=640, height=360, source="both", emphasis=emphasis)
        for emphasis in (False, True)
    )
    assert shows(strong, 5, 5)
    assert (strong.frame(5) != plain.frame(5)).any()


def test_a_frame_of_a_step_without_a_picture_is_that_of_no_other() -> None:
    renderer = EpisodeVideoRenderer(episode(has_positions=False), width=640, height=360)
    before, faded = renderer.frame(2).copy(), renderer.frame(3).copy()
    assert (before != faded).any()
    again = EpisodeVideoRenderer(episode(has_positions=False), width=640, height=360)
    np.testing.assert_array_equal(again.frame(3), faded)
    np.testing.assert_array_equal(renderer.frame(2), before)


def test_the_board_is_shown_where_it_is_asked_for_or_where_there_are_no_pictures() -> None:
    for seen, source in (
        (episode(), "board"),
        (episode(has_pictures=False), None),
        (episode(has_pictures=False), "both"),
    ):
        renderer = EpisodeVideoRenderer(seen, width=640, height=360, source=source)
        assert renderer.board is not None
        assert not shows(renderer, 5, 5)
    with pytest.raises(UsageError, match="no pictures"):
        EpisodeVideoRenderer(episode(has_pictures=False), width=640, height=360, source="picture")


def test_what_the_shown_agent_sees_stands_in_the_boards_place() -> None:
    for has_positions in (True, False):
        seen = seen_by_agents(has_positions=has_positions)
        shown = EpisodeVideoRenderer(seen, width=640, height=360)
        assert shows_pixels(shown, 5, SEEN["red_1"][5]), "it has the highest return"
        assert shown.board is None
        chosen = EpisodeVideoRenderer(seen, width=640, height=360, agent="blue_0")
        assert shows_pixels(chosen, 20, np.repeat(SEEN["blue_0"][20][..., np.newaxis], 3, axis=2))


def test_what_a_chosen_agent_sees_stands_below_the_picture_of_all() -> None:
    seen = seen_by_agents(shared=PICTURES[0])
    plain, chosen = (EpisodeVideoRenderer(seen, width=640, height=360, agent=agent) for agent in (None, "red_0"))
    assert shows(plain, 5, 0)
    assert not shows_pixels(plain, 5, SEEN["red_1"][5])
    assert shows(chosen, 5, 0)
    assert shows_pixels(chosen, 5, SEEN["red_0"][5])


def test_a_column_of_pictures_that_holds_something_else_for_a_while_is_drawn() -> None:
    """Pictures of other sizes, none of any size, numbers, and a text."""
    noise = np.random.default_rng(1)
    given = [
        noise.integers(0, 256, (32, 32, 3), np.uint8), noise.integers(0, 256, (48, 20, 3), np.uint8),
        np.zeros((0, 32, 3), np.uint8), np.array([1.0, 2.0]), "a text", noise.integers(0, 256, (32, 32), np.uint8),
    ]  # fmt: skip
    ended = record_one(*({"extras": {"observation": value}} for value in given))
    renderer = EpisodeVideoRenderer(ended.episode, width=640, height=360)
    frames = [renderer.frame(renderer.timeline.frame_of_step(step)).copy() for step in range(len(given))]
    assert len({frame.tobytes() for frame in frames}) == len(given)
