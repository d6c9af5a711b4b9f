from __future__ import annotations

import numpy as np
import pytest

from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Canvas
from worker.video.encoding.planes import Yuv420Planes


def expected_planes(rgb):
    """BT.709 in limited range, in floating point."""
    red, green, blue = (rgb[..., i].astype(np.float64) / 255 for i in range(3))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    cb, cr = (blue - luma) / 1.8556, (red - luma) / 1.5748

    def halved(plane):
        return (plane[0::2, 0::2] + plane[1::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 1::2]) / 4

    return 16 + 219 * luma, 128 + 224 * halved(cb), 128 + 224 * halved(cr)


def random_canvas(width, height):
    canvas = Canvas.blank(width, height)
    canvas.pixels[:] = np.random.default_rng(3).integers(0, 256, canvas.pixels.shape)
    return canvas


@pytest.mark.parametrize("size", [(160, 160), (320, 180), (322, 182), (1600, 900)])
def test_colours_are_exactly_those_of_bt709(size: tuple[int, int]) -> None:
    canvas = random_canvas(*size)
    planes = Yuv420Planes(canvas)
    planes.update()
    for found, expected in zip(planes.planes(), expected_planes(canvas.pixels), strict=True):
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 0.51


def test_white_black_and_grey_have_no_colour() -> None:
    for value, luma in ((0, 16), (255, 235), (128, 126)):
        canvas = Canvas.blank(160, 160)
        canvas.fill(Rect(0, 0, 160, 160), (value, value, value))
        planes = Yuv420Planes(canvas)
        planes.update()
        assert [int(plane[0, 0]) for plane in planes.planes()] == [luma, 128, 128]


def test_only_changed_tiles_are_converted_and_the_result_is_that_of_the_whole() -> None:
    canvas = random_canvas(322, 182)
    planes = Yuv420Planes(canvas)
    planes.update()
    canvas.fill(Rect(45, 31, 10, 3), (250, 10, 60))
    assert planes.update() == 4
    assert planes.update() == 0
    fresh = Yuv420Planes(canvas)
    canvas.touched[:] = True
    fresh.update()
    for kept, made in zip(planes.planes(), fresh.planes(), strict=True):
        assert (kept == made).all()
