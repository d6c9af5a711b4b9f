"""Numbers read alike on the page and in Python, which formats them for videos and the command line."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from recorder.values import number_format
from recorder.values.number_format import (
    DECIMALS,
    format_change,
    format_count,
    format_meter,
    format_number,
    format_value,
)
from tests.waiting import DEADLINE_SECS

NUMBERS_JS = Path(__file__).parents[2] / "replay_server" / "page" / "shell" / "numbers.js"
RANGES = ((0.0, 1.0), (0.0, 100.0), (-1.0, 1.0))

SCRIPT = f"""
import * as numbers from {json.dumps(NUMBERS_JS.as_uri())};
let text = "";
for await (const part of process.stdin) text += part;
const special = {{ nan: NaN, inf: Infinity, "-inf": -Infinity }};
const calls = JSON.parse(text);
console.log(JSON.stringify(calls.map(([name, value, ...rest]) => numbers[name](special[value] ?? value, ...rest))));
"""


def _values() -> list[float]:
    chance = random.Random(7)
    ties = [0.5, 0.125, 2.5, 0.0625, 1.0005, 99.995, 0.045, 0.0005, 0.005, 9_999_999.5, 1e7, 12_500_000.0]
    spread = [chance.choice((-1, 1)) * chance.random() * 10 ** chance.randint(-6, 12) for _ in range(300)]
    return [0.0, -0.0, math.nan, math.inf, -math.inf, *ties, *(-tie for tie in ties), *spread]


@pytest.mark.skipif(shutil.which("node") is None and "CI" not in os.environ, reason="needs Node 20 or later")
def test_page_and_python_format_numbers_alike() -> None:
    calls: list[list[object]] = []
    expected = []
    for value in _values():
        sent = value if math.isfinite(value) else str(value)
        for decimals in sorted(set(DECIMALS.values()) | {0, 1}):
            calls += [["formatNumber", sent, decimals], ["formatChange", sent, decimals]]
            expected += [format_number(value, decimals), format_change(value, decimals)]
        calls.append(["formatValue", sent])
        expected.append(format_value(value))
        for low, high in RANGES:
            calls.append(["formatMeter", sent, [low, high]])
            expected.append(format_meter(value, low, high))
    for count in (0, 7, 999, 1000, 1_234_567):
        calls.append(["formatCount", count])
        expected.append(format_count(count))
    run = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT],
        input=json.dumps(calls), capture_output=True, text=True, timeout=DEADLINE_SECS, check=True,
    )  # fmt: skip
    found = json.loads(run.stdout)
    assert [(call, text) for call, text, wanted in zip(calls, found, expected, strict=True) if text != wanted] == []


def test_every_function_of_python_is_on_the_page() -> None:
    text = NUMBERS_JS.read_text(encoding="utf-8")
    for name in set(number_format.__all__) - {"DECIMALS", "format_duration"}:  # durations are in the server's sentences
        first, second = name.split("_")
        assert f" {first}{second.title()}" in text
