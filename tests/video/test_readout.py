from __future__ import annotations

import pytest

from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Canvas
from worker.video.panels.parts.readout import Readout

PLATE, INK = (22, 28, 38), (240, 244, 250)
TEXTS = ["9", "10", "-3.25", "100%", "0", "12:00", "Interact", "–", "", "7.5e+20", "1.1, 2.2"]


def plate():
    canvas = Canvas.blank(320, 180)
    canvas.still.fill(Rect(0, 0, 320, 180), PLATE)
    canvas.restore(Rect(0, 0, 320, 180))
    return canvas


@pytest.mark.parametrize("align", ["left", "center", "right"])
@pytest.mark.parametrize("bold", [False, True])
def test_text_is_drawn_as_on_an_empty_plate(align: str, bold: bool) -> None:
    canvas = plate()
    readout = Readout(160, 90, PLATE, align=align)
    for text in [*TEXTS, *reversed(TEXTS)]:
        expected = plate()
        expected.text(text, 160, 90, 23, INK, bold=bold, align=align)
        readout.show(canvas, text, 23, INK, bold=bold)
        assert (canvas.pixels == expected.pixels).all(), text


def test_unchanged_text_is_not_drawn_again() -> None:
    canvas = plate()
    readout = Readout(10, 90, PLATE)
    readout.show(canvas, "12.5", 20, INK)
    canvas.touched[:] = False
    readout.show(canvas, "12.5", 20, INK)
    assert not canvas.touched.any()
    readout.show(canvas, "12.5", 20, (255, 0, 0))
    assert canvas.touched.any()
