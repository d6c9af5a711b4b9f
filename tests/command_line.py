"""The command line in this process: quicker by a start of Python than as a process, and the same program."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from recorder.__main__ import main


@dataclass
class Answer:
    """What a command did: exit status and both streams."""

    status: object
    out: str
    err: str

    @property
    def output(self) -> str:
        """Both streams."""
        return self.out + self.err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Answer]


def caller(capfd: pytest.CaptureFixture[str]) -> Call:
    """What runs a command and returns its answer."""

    def run(*arguments: object, environment: Mapping[str, str] | None = None) -> Answer:
        capfd.readouterr()
        status: object
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (environment or {}).items():
                patch.setenv(name, value)
            try:
                status = main([str(argument) for argument in arguments])
            except SystemExit as ended:  # argparse's own
                status = ended.code
        captured = capfd.readouterr()
        return Answer(status, captured.out, captured.err)

    return run


def verdict_on(answer: Answer, what: str) -> dict[str, str]:
    found = [finding for finding in answer.document["findings"] if finding["what"] == what]
    assert len(found) == 1, answer.document
    return dict(found[0])
