"""Headings and facts of the page, titles of the catalog's columns, and how an episode ended: what each means, and its unit."""

from __future__ import annotations

from typing import NamedTuple

from recorder.wording.measures import MEASURES

__all__ = ["END_WORDS", "STATUS_WORDS", "TERMS", "StatusWord", "Term", "field_title", "status_in_words"]


class Term(NamedTuple):
    """A heading or the name of a fact, and its explanation with the unit."""

    title: str
    meaning: str


TERMS = {
    "episode": Term("Episode", "Number of the episode in its run, from 0."),
    "return": Term("Return", f"{MEASURES['return'].meaning} No unit."),
    "task": Term("Task reward", f"{MEASURES['task'].meaning} No unit."),
    "intrinsic": Term("Intrinsic reward", f"{MEASURES['intrinsic'].meaning} No unit."),
    "weight": Term("Intrinsic weight", "Factor of the intrinsic reward in the return. No unit."),
    "steps": Term("Steps", "Steps that the recording has."),
    "stage": Term("Stage", "Stage of the curriculum, as the trainer counts it."),
    "status": Term("Status", "How the episode ended: complete, broken off, or salvaged after the trainer died."),
    "reasons": Term("Kept because", "Why criteria kept the episode. Point at a reason for its value and threshold."),
    "finished": Term("Finished", "When the episode ended, in your time zone."),
    "lane": Term("Lane", "Number of the environment in a vector environment, from 0."),
    "epsilon": Term("Exploration ε", "Share of random actions, from 0 to 1."),
    "action": Term("Action", "The action that the agent took in this step."),
    "position": Term("Position", "Where the agent is after this step, as coordinates."),
    "reward": Term("Reward", "What this step earned from the environment. No unit."),
    "step_intrinsic": Term("Intrinsic reward", "What this step earned for curiosity, before its weight. No unit."),
    "return_so_far": Term("Return so far", "The return up to and including this step. No unit."),
    "task_so_far": Term("Task reward so far", "The environment's rewards up to and including this step. No unit."),
    "intrinsic_so_far": Term(
        "Intrinsic reward so far", "The intrinsic reward up to and including this step, before its weight. No unit."
    ),
    "extra": Term("", "A value that the trainer recorded with this step."),
    "end": Term("End", "Whether the episode ends with this step, and how."),
    "meters": Term(
        "Meters", "How full each meter is, as a share of its range. Click one for its curve on the timeline."
    ),
    "q_values": Term(
        "Q-values", "What the agent expects of each action. The outlined one was taken; hatched ones were not allowed."
    ),
    "place": Term("Step", "Number of the step that is shown, and of the last one. Steps count from 0."),
    "seed": Term("Seed", "Seed of the environment's random numbers. Click to copy it."),
}
"""By the names that the page uses."""


class StatusWord(NamedTuple):
    """A short word, and what it means."""

    word: str
    meaning: str


STATUS_WORDS = {
    "complete": StatusWord("complete", "The trainer finished the episode."),
    "truncated": StatusWord("broken off", "The trainer or its end broke the episode off. Its return is partial."),
    "salvaged": StatusWord("salvaged", "The trainer died during the episode. The steps that had arrived were kept."),
    "aborted": StatusWord("discarded", "The trainer discarded the episode. It has no recording."),
    "live": StatusWord("live", "The episode is being recorded now."),
}
"""By the names that files and catalogs store, and ``live``."""


END_WORDS = {
    "terminated": "the episode is over",
    "truncated": "ended by time limit",
    "done": "the episode is over",
}
"""How a step ends its episode, by the names of a step's columns."""


def status_in_words(status: str) -> str:
    """Return the word for a status."""
    known = STATUS_WORDS.get(status)
    return status.replace("_", " ") if known is None else known.word


_TITLES = {
    "run_id": "Run",
    "episode_id": TERMS["episode"].title,
    "environment": "Environment",
    "lane": TERMS["lane"].title,
    "status": TERMS["status"].title,
    "decision": "Decision",
    "reasons": TERMS["reasons"].title,
    "n_steps": TERMS["steps"].title,
    "n_missing_steps": MEASURES["missing"].title,
    "survival_steps": MEASURES["steps"].title,
    "total_reward": TERMS["return"].title,
    "extrinsic_reward": TERMS["task"].title,
    "intrinsic_reward": TERMS["intrinsic"].title,
    "intrinsic_weight": TERMS["weight"].title,
    "curriculum_stage": TERMS["stage"].title,
    "epsilon": TERMS["epsilon"].title,
    "env_steps": "Environment steps of the run",
    "started_unix_nanos": "Started",
    "finished_unix_nanos": TERMS["finished"].title,
    "timestamp": "Time of its end",
    "written_at": "Written",
    "stream_dropped_at": "Removed from Redis",
    "n_bytes": "Bytes in Redis",
    "replaced_plays": "Plays that it replaced",
    "attempts": "Attempts to write it",
    "parked": "Given up",
    "error": "Error",
    "recording_reason": "First reason",
    "file_path": "File",
    "file_size_bytes": "Bytes unpacked",
    "compressed_size_bytes": "Bytes of the file",
    "format_version": "Version of the file",
    "recorded_at": "Recorded",
}


def field_title(name: str) -> str:
    """Return the title of a column; one without a title is its name in words."""
    words = name.replace("_", " ")
    return _TITLES.get(name, f"{words[:1].upper()}{words[1:]}")
