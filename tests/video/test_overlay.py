from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import Mask, arc, arrow_head, disc, lettering, polyline
from worker.video.canvas.overlay import Overlay
from worker.video.canvas.surface import TILE_COLUMNS, TILE_ROWS, Canvas, Surface

SHAPES = {
    "disc": disc(17.5),
    "arc": arc(30, 6, 0.1, 0.8),
    "arrow_head": arrow_head(12, 40),
    "slanting line": polyline(np.array([(4.0, 4.0), (60.0, 44.0)]), 64, 48, 5.0),
    "level line": polyline(np.array([(4.0, 4.0), (90.0, 4.0)]), 94, 8, 3.0),
    "letters": lettering("Ab", 30).mask,
    "blank": lettering(" ", 30).mask,
}
PLACES = [(20, 9), (33, 70), (-9, 14), (60, -12), (290, 150), (-200, 0), (400, 400)]


def noisy_canvas():
    canvas = Canvas.blank(322, 182)
    canvas.pixels[:] = np.random.default_rng(1).integers(0, 256, canvas.pixels.shape)
    canvas.touched[:] = False
    return canvas


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("place", PLACES)
def test_a_shape_is_drawn_exactly_and_removed_without_trace(shape: str, place: tuple[float, float]) -> None:
    canvas = noisy_canvas()
    before = canvas.pixels.copy()
    expected = Surface(before.copy())
    expected.stamp(SHAPES[shape], *place, (250, 10, 60), 130)
    overlay = Overlay(canvas)
    overlay.stamp(SHAPES[shape], *place, (250, 10, 60), 130)
    assert (canvas.pixels == expected.pixels).all()
    overlay.take_back()
    assert (canvas.pixels == before).all()


def test_changed_tiles_are_marked_and_few_others() -> None:
    canvas = noisy_canvas()
    before = canvas.pixels.copy()
    overlay = Overlay(canvas)
    overlay.stamp(SHAPES["slanting line"], 37, 51, (0, 0, 0))
    rows, columns = np.nonzero((before != canvas.pixels).any(axis=2))
    changed = np.zeros_like(canvas.touched)
    changed[rows // TILE_ROWS, columns // TILE_COLUMNS] = True
    assert not (changed & ~canvas.touched).any()
    assert canvas.touched.sum() <= changed.sum() + 2
    canvas.touched[:] = False
    overlay.take_back()
    assert not (changed & ~canvas.touched).any()


def test_shapes_are_removed_down_to_those_that_stay() -> None:
    canvas = noisy_canvas()
    overlay = Overlay(canvas)
    overlay.stamp(SHAPES["disc"], 40, 40, (255, 0, 0), 100)
    kept = canvas.pixels.copy()
    for x in (45, 50, 55):
        overlay.stamp(SHAPES["arc"], x, 30, (0, 255, 0), 100)
    overlay.take_back(1)
    assert len(overlay) == 1
    assert (canvas.pixels == kept).all()


def test_a_part_of_a_canvas_marks_tiles_of_the_whole() -> None:
    whole = Canvas.blank(320, 180)
    whole.touched[:] = False
    Overlay(whole.part(Rect(160, 0, 160, 180))).stamp(SHAPES["disc"], 100, 100, (255, 255, 255))
    rows, columns = np.nonzero(whole.pixels.any(axis=2))
    assert columns.min() > 260
    assert whole.touched[rows // TILE_ROWS, columns // TILE_COLUMNS].all()


def test_a_large_shape_is_blended_in_bands_without_large_arrays() -> None:
    covered = np.random.default_rng(2).integers(0, 256, (600, 1000), np.uint8)
    surface = Surface(np.random.default_rng(3).integers(0, 256, (560, 1100, 3), np.uint8))
    before = surface.pixels.astype(np.float64)
    mask = Mask(np.repeat(covered, 3, axis=1))
    tracemalloc.start()
    try:
        surface.stamp(mask, -20, -30, (250, 10, 60), columns=(100, 900))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    share = covered[30:590, 100:900, np.newaxis] / 255
    before[:, 80:880] = before[:, 80:880] * (1 - share) + np.array((250, 10, 60)) * share
    assert (surface.pixels == np.floor(before + 0.5)).all()
    assert peak < 3e6  # of the whole, one intermediate array has 6.7 MB
