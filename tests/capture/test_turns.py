"""Turns of a language model: steps whose messages are text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from recorder.capture import EpisodeRecorder
from tests.capture.recorded import close_and_read


class Said:
    """A message as clients of language models return it."""

    def model_dump(self) -> dict[str, Any]:
        return {"role": "assistant", "content": "öh"}


def test_turns_are_steps_with_messages_tool_calls_and_token_counts() -> None:
    recorder = EpisodeRecorder(strict=True)
    question = {"role": "user", "content": "<b>17 · 23?</b>"}
    recorder.record_turn(3, 0, messages=[question], tool_calls=[{"name": "calculator"}], prompt_tokens=21)
    recorder.record_turn(3, 1, messages=[Said()], reward=np.float32(0.5), completion_tokens=7, extras={"entropy": 0.1})
    recorder.record_turn(3, 2, messages="done", reward=1.0, terminated=True)
    recorder.finish_episode(3)
    ended = close_and_read(recorder)[3]
    episode = ended.episode
    messages = episode.column("extras.messages").tolist()
    assert [json.loads(text) for text in messages[:2]] == [[question], [Said().model_dump()]]
    assert "öh" in messages[1], "characters stay as they are"
    assert messages[2] == "done"
    assert episode.present("extras.tool_calls").tolist() == [True, False, False]
    assert episode.step(0).extras["prompt_tokens"] == 21
    assert episode.step(1).extras["completion_tokens"] == 7
    assert episode.step(1).extras["entropy"] == 0.1
    assert episode.column("terminated").tolist() == [False, False, True]
    assert (ended.metadata.total_reward, ended.metadata.n_steps) == (1.5, 3)


def test_messages_that_are_no_json_are_counted_and_their_turn_is_recorded() -> None:
    endless: list[Any] = []
    endless.append(endless)
    recorder = EpisodeRecorder()
    recorder.record_turn(0, 0, messages=endless, reward=2.0)
    recorder.record_turn(0, 1, messages=[{"role": "user", "content": "\ud800", 3: object()}])
    recorder.finish_episode(0)
    episode = close_and_read(recorder)[0].episode
    assert episode.column("reward").tolist() == [2.0, 0.0]
    assert episode.present("extras.messages").tolist() == [False, True]
    assert "\ufffd" in episode.column("extras.messages")[1]
    stats = recorder.stats()
    assert (stats.n_mismatched_values, stats.n_changed_texts) == (1, 1)
