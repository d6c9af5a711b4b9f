from __future__ import annotations

import pytest

from recorder.outline.scene import short_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["UP", "DOWN"], ("UP", "DOWN")),
        (["action 0", "action 1"], ("action 0", "action 1")),
        (["ACTION_WITH_A_LONG_NAME_0", "ACTION_WITH_A_LONG_NAME_1"], ("0", "1")),
        (["move the left arm", "move the right arm"], ("left arm", "right arm")),
        (["steering wheel left", "steering wheels right"], ("wheel left", "wheels right")),
        (["incomprehensible", "incomprehension"], ("incomprehensible", "incomprehension")),
        (["a very long name", "a very long name"], ("name", "name")),
        (["pick up the", "pick up the box"], ("the", "the box")),
        (["only one very long name"], ("only one very long name",)),
        ([], ()),
    ],
)
def test_a_beginning_that_all_long_names_share_is_left_out(names: list[str], expected: tuple[str, ...]) -> None:
    assert short_names(names) == expected
