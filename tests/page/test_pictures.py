"""Recorded pictures on the page: the right pixels in the board's place, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from recorder.chunk import ColumnData, encode_chunk, spec_of
from recorder.episode import EpisodeMetadata, Substrate
from recorder.episode_file import Episode, build_version2, open_episode
from recorder.html_file import export_episode_html
from recorder.outline import rgb_of
from recorder.schema import EpisodeSchema
from recorder.values.picture_shape import picture_shape
from tests.agent_episodes import SEEN, seen_by_agents
from tests.page.looking import wait_for_step

pytestmark = pytest.mark.browser

N_STEPS = 60
RNG = np.random.default_rng(2)
RENDERED = RNG.integers(0, 256, (N_STEPS, 30, 40, 3), np.uint8)
PLANES = RNG.integers(0, 256, (N_STEPS + 3, 20, 24), np.uint8)
STACKS = np.stack([PLANES[step : step + 4] for step in range(N_STEPS)])
HAS_PICTURE = np.arange(N_STEPS) % 4 != 2
SHAPES = [
    ("|u1", (20, 16)), ("|u1", (16, 20, 1)), ("|u1", (3, 20, 16)), ("|u1", (20, 16, 6)), ("|u1", (4, 20, 16)),
    ("|u1", (3, 20, 16, 3)), ("|u1", (2, 3, 20, 16)), ("<u2", (20, 16)), ("<f4", (20, 16, 3)), ("<f4", (2, 16, 16)),
    ("|u1", (7, 7, 3)), ("|u1", (20, 16, 0)), ("<f8", (20, 16)), ("<i4", (20, 16)), ("|u1", (20, 20, 20)),
]  # fmt: skip


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """An HTML export of an episode with positions, rendered pictures that some steps lack, and stacks."""
    yield from exported(browser, open_episode(recording()), tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def team_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The same of an episode of agents that see different pictures, and have places on a board."""
    yield from exported(browser, seen_by_agents(), tmp_path_factory.mktemp("team"))


def exported(browser: Browser, episode: Episode, folder: Path) -> Iterator[Page]:
    path = folder / "episode.html"
    export_episode_html(episode, path)
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector(".player[data-step]")
    yield page
    page.close()
    assert errors == []


def recording() -> bytes:
    columns = {
        "position": ColumnData(np.stack([np.arange(N_STEPS) % 8, np.arange(N_STEPS) // 8], axis=1).astype("<i2")),
        "reward": ColumnData(np.ones(N_STEPS, "<f4")),
        "extras.observation": ColumnData(STACKS),
        "extras.render": ColumnData(RENDERED[HAS_PICTURE], HAS_PICTURE),
    }
    schema = EpisodeSchema(tuple(spec_of(name, data.values) for name, data in columns.items()))
    chunk = encode_chunk(schema, first_step=0, n_steps=N_STEPS, columns=columns)
    metadata = EpisodeMetadata(episode_id=1, run_id="seen", n_steps=N_STEPS, substrate=Substrate("grid", 2, 8, 8))
    return build_version2(metadata=metadata, reasons=["periodic_1"], schema=schema, chunks=[(0, N_STEPS, chunk)])[0]


def go_to(page: Page, step: int) -> None:
    page.keyboard.press("Home")
    for _ in range(step // 10):
        page.keyboard.press("Shift+ArrowRight")
    wait_for_step(page, lambda found: found >= 0)
    while (found := int(page.get_attribute(".player", "data-step") or -1)) != step:
        page.keyboard.press("." if found < step else ",")
        wait_for_step(page, lambda now: now != found)


def shown(page: Page, selector: str = ".stage canvas.picture") -> NDArray[np.uint8]:
    """``uint8[height, width, 3]``: the pixels of the picture itself, however large it is drawn."""
    width, height, pixels = page.evaluate(
        """selector => { const canvas = document.querySelector(selector);
        const { width, height } = canvas;
        return [width, height, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]]; }""",
        selector,
    )
    return np.array(pixels, np.uint8).reshape(height, width, 4)[..., :3]


def test_the_picture_of_a_step_stands_in_the_boards_place_and_a_missing_one_is_said(page: Page) -> None:
    for step in (0, 13, 59, 7):
        go_to(page, step)
        np.testing.assert_array_equal(shown(page), RENDERED[step])
        expect(page.locator(".stage .picture-note")).to_be_hidden()
    expect(page.locator(".stage .grid-view:not(.picture-view)")).to_be_hidden()
    go_to(page, 6)
    np.testing.assert_array_equal(shown(page), RENDERED[5])
    expect(page.locator(".stage .picture-note")).to_have_text("This step has no picture; step 5 is shown.")


def test_other_pictures_planes_and_the_board_can_be_chosen(page: Page) -> None:
    go_to(page, 21)
    choices = page.locator(".picture-choice")
    choices.select_option(label="observation")
    np.testing.assert_array_equal(shown(page), np.repeat(PLANES[24][..., None], 3, 2))
    choices.select_option(label="observation, 2 before")
    np.testing.assert_array_equal(shown(page), np.repeat(PLANES[22][..., None], 3, 2))
    choices.select_option(label="board")
    expect(page.locator(".stage .picture-view")).to_be_hidden()
    expect(page.locator(".stage .grid-view:not(.picture-view)")).to_be_visible()
    choices.select_option(label="render")
    np.testing.assert_array_equal(shown(page), RENDERED[21])


def test_a_hovered_step_is_previewed_by_its_picture(page: Page) -> None:
    page.locator(".timeline-strip").hover(position={"x": 300, "y": 20})
    page.wait_for_function("document.querySelector('.bubble-stage canvas.picture')?.width === 40")
    found = shown(page, ".bubble-stage canvas.picture")
    assert any((found == picture).all() for picture in RENDERED)


def test_what_the_selected_agent_sees_stands_in_the_boards_place_and_in_previews(team_page: Page) -> None:
    go_to(team_page, 8)
    np.testing.assert_array_equal(shown(team_page), SEEN["red_1"][8])
    choices = team_page.locator(".picture-choice")
    assert choices.locator("option").all_inner_texts() == ["red_1: observation", "board"]
    for name in ("blue_0", "red_0"):
        team_page.keyboard.press("]")
        expect(choices.locator("option:checked")).to_have_text(f"{name}: observation")
        seen = SEEN[name][8]
        np.testing.assert_array_equal(shown(team_page), seen if seen.ndim == 3 else np.repeat(seen[..., None], 3, 2))
    team_page.locator(".timeline-strip").hover(position={"x": 300, "y": 20})
    team_page.wait_for_function("document.querySelector('.bubble-stage canvas.picture')?.width === 24")
    previewed = shown(team_page, ".bubble-stage canvas.picture")
    assert any((previewed == picture).all() for picture in SEEN["red_0"])
    choices.select_option(label="board")
    choices.blur()
    team_page.keyboard.press("[")
    expect(team_page.locator(".stage .grid-view:not(.picture-view)")).to_be_visible()
    choices.select_option(label="blue_0: observation")
    choices.blur()


def test_an_agent_that_has_left_or_has_yet_to_join_shows_no_picture_of_another(team_page: Page) -> None:
    team_page.locator(".agents").get_by_text("red_1").click()
    go_to(team_page, 20)
    np.testing.assert_array_equal(shown(team_page), SEEN["red_1"][9])
    expect(team_page.locator(".stage .picture-note")).to_have_text("This step has no picture; step 9 is shown.")
    team_page.locator(".agents").get_by_text("blue_0").click()
    go_to(team_page, 2)
    expect(team_page.locator(".stage .picture-note")).to_have_text("This step has no picture.")
    assert not shown(team_page).any()


def test_the_page_shows_every_shape_of_picture_as_thumbnails_and_videos_do(page: Page) -> None:
    for dtype, shape in SHAPES:
        values = RNG.integers(0, 256, shape).astype(dtype)
        expected = picture_shape(dtype, shape)
        for number in range(expected.n_pictures if expected else 1):
            found = page.evaluate(
                """async ([dtype, shape, values, number]) => {
                const { pictureShape } = await import("page/decode/pictures.js");
                const { fillImage } = await import("page/views/picture_view.js");
                const found = pictureShape({ dtype, shape });
                if (!found) return null;
                const Kind = { "|u1": Uint8Array, "<u2": Uint16Array }[dtype] ?? Float64Array;
                const pixels = new Uint8ClampedArray(4 * found.width * found.height);
                fillImage(pixels, Kind.from(values), found, number);
                return [found.height, found.width, [...pixels]]; }""",
                [dtype, list(shape), values.ravel().tolist(), number],
            )
            if expected is None:
                assert found is None
                continue
            height, width, pixels = found
            drawn = np.array(pixels, np.uint8).reshape(height, width, 4)[..., :3].astype(int)
            known = rgb_of(values, number)
            assert known is not None
            assert np.abs(drawn - known).max() <= (1 if dtype == "<u2" else 0), (dtype, shape, number)
