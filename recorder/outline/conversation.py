"""What was said in the steps of an episode: turns of a language model, texts of a game, messages of agents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from recorder.agents import AgentInfo
from recorder.agents.columns import ROSTER, parse_agent_column, parse_agent_text_column
from recorder.episode_file import Episode
from recorder.outline.shown_pictures import shown_pictures
from recorder.schema import EXTRAS_PREFIX

__all__ = ["Said", "conversation_columns", "said_in", "shown_conversation"]

_MESSAGES, _TOOL_CALLS = f"{EXTRAS_PREFIX}messages", f"{EXTRAS_PREFIX}tool_calls"
"""As ``record_turn`` names them."""

_LOOKED_AT = 1024
"""Steps in which texts must change, to be what an episode is about."""

_MAX_LETTERS = 8192
"""Of one message that is shown."""

_MAX_MESSAGES = 64
"""Of one step."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message.

    Args:
        role: who said it, or the name of the text.
    """

    role: str
    text: str


def conversation_columns(episode: Episode) -> list[str]:
    """The text columns that change with most of their steps; empty where steps are no turns.

    A text that stays, such as a mission, is no conversation.

    Raises:
        EpisodeFileError: the file is damaged.
    """
    texts = [spec.name for spec in episode.schema.columns if spec.is_text and spec.name != ROSTER]
    return sorted(filter(lambda name: _changes(episode, name), texts), key=_order)


def shown_conversation(episode: Episode, agent: AgentInfo | None) -> list[str]:
    """The same of an episode that has neither positions nor pictures, so that nothing else shows it.

    Args:
        agent: of several agents the selected one, or the one that is shown first.

    Raises:
        EpisodeFileError: the file is damaged.
    """
    fields = [(parse_agent_column(spec.name) or (0, spec.name))[1] for spec in episode.schema.columns]
    is_placed = "position" in fields or bool(shown_pictures(episode.schema, agent))
    return [] if is_placed else conversation_columns(episode)


def said_in(episode: Episode, columns: Sequence[str], index: int) -> list[Said]:
    """The messages of a step, in order.

    Args:
        columns: as ``conversation_columns`` gave them.

    Raises:
        EpisodeFileError: the file is damaged there.
    """
    found: list[Said] = []
    for chunk, rows in episode.chunks_between(index, index + 1):
        for name in columns:
            text = chunk.value(name, rows.start) if name in chunk.names and chunk.spec(name).is_text else None
            if text:
                found += _messages(str(text), _role_of(name, episode.metadata.agents), is_calls=name == _TOOL_CALLS)
    return [Said(it.role, _shortened(it.text)) for it in found[:_MAX_MESSAGES]]


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]} …"


def _order(name: str) -> tuple[bool, bool, str]:
    """What was said comes before the tools that were called, and those before other texts."""
    return name != _MESSAGES, name != _TOOL_CALLS, name


def _changes(episode: Episode, name: str) -> bool:
    if name in (_MESSAGES, _TOOL_CALLS):
        return True
    n_texts = n_changes = 0
    before = None
    for chunk, _ in episode.chunks_between(0, min(_LOOKED_AT, episode.n_steps)):
        data = chunk.column(name) if name in chunk.names and chunk.spec(name).is_text else None
        for text in () if data is None else data.values.tolist():
            n_texts += 1
            n_changes += text != before
            before = text
    return 2 * n_changes > n_texts


def _role_of(name: str, agents: Sequence[AgentInfo]) -> str:
    place = parse_agent_text_column(name)
    if place is None:
        return "" if name == _MESSAGES else name.removeprefix(EXTRAS_PREFIX)
    group, slot, extra = place
    agent = next((it.agent_id for it in agents if (it.group, it.slot) == (group, slot)), "agent")
    return agent if extra in ("message", "messages", "says") else f"{agent}: {extra}"


def _messages(text: str, role: str, *, is_calls: bool) -> Iterator[Said]:
    """The messages in a text: a list of maps in JSON, as clients of language models have it, or the text itself."""
    try:
        found = json.loads(text) if text.lstrip()[:1] in ("[", "{") else None
    except (ValueError, RecursionError):
        found = None
    items: list[Any] = found if isinstance(found, list) else [found]
    if not items or not all(isinstance(item, dict) for item in items):
        yield Said(role, text)
        return
    for item in items:
        calls = [item] if is_calls else item.get("tool_calls")
        calls = calls if isinstance(calls, list) else []
        if not is_calls and "content" not in item and not calls:
            yield Said(role, json.dumps(item, ensure_ascii=False))
        elif not is_calls and (said := _content(item.get("content"))):
            yield Said(str(item.get("role") or role), said)
        yield from (Said("tool call", _call(call)) for call in calls)


def _content(content: Any) -> str:
    """A text, or the texts among its parts; other parts are named."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = []
    for part in parts:
        if isinstance(part, dict):
            own = part.get("text")
            texts.append(own if isinstance(own, str) else f"[{part.get('type') or 'part'}]")
        else:
            texts.append(str(part))
    return "\n".join(texts)


def _call(call: Any) -> str:
    """Such as ``calculator({"expression": "17 * 23"})``."""
    inner = call.get("function") if isinstance(call, dict) else None
    function = inner if isinstance(inner, dict) else call
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str):
        return json.dumps(call, ensure_ascii=False)
    arguments = function.get("arguments", "")
    return f"{name}({arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)})"
