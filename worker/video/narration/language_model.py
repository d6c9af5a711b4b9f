"""Sentences from a language model behind any OpenAI-compatible endpoint, within a budget of time.

The model gets facts and sentences of the grammar, and answers with other sentences. ``fact_check.py`` decides which are used.
"""

from __future__ import annotations

import http.client
import json
import queue
import ssl
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from recorder.errors import UsageError
from recorder.values.argument_kinds import check_kind
from worker.video.narration.fact_check import MAX_LETTERS, why_not
from worker.video.narration.facts import Fact

__all__ = ["LanguageModel", "Rewritten", "rewrite"]

_BATCH = 12
"""Sentences of one request: fewer come sooner, and a bad answer spoils fewer."""
_MOST_BYTES = 1 << 20
_PATH = "/chat/completions"
_TASK = (
    "You write the narration of a video in which a reinforcement-learning agent lives one episode. Style: {style}. The "
    "user sends JSON: an object from an id to a fact and a plain sentence. Answer with one JSON object from each id to your"
    f" sentence, and nothing else. A sentence is English, at most {MAX_LETTERS - 40} letters, and speaks of its fact only. "
    "Write numbers as in the fact, in digits. Use no number, no name and no outcome that is not in the fact."
)


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """Where the model is.

    Args:
        url: of the API, such as ``http://localhost:8080/v1``.
        model: its name there.
        key: sent as a bearer token; empty for none.
        budget_secs: for all requests of one video.

    Raises:
        UsageError: the URL is invalid, or the budget is not positive.
    """

    url: str
    model: str
    key: str = ""
    budget_secs: float = 20.0

    def __post_init__(self) -> None:
        check_kind("llm", self.url, str)
        parts = urlsplit(self.url)
        try:
            is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:  # the port
            is_valid = False
        if not is_valid or parts.username or parts.password:
            raise UsageError(
                "llm must be a URL such as http://localhost:8080/v1, without a password: the key comes from "
                "HAMLET_RECORDER_RENDER__LLM_KEY"
            )
        if not (self.key.isascii() and self.key.isprintable()) or " " in self.key:
            raise UsageError(
                "llm_key must be letters, digits and signs without spaces (HAMLET_RECORDER_RENDER__LLM_KEY)"
            )
        if not self.model:
            raise UsageError("llm needs model, the model's name at the endpoint")
        if not 0 < self.budget_secs <= 600:
            raise UsageError(f"llm_secs must be above 0 and at most 600, got {self.budget_secs}")

    def __repr__(self) -> str:
        return f"LanguageModel({urlsplit(self.url).netloc!r}, {self.model!r})"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a model made of the sentences: those to use, by the fact's number, and a note for the user."""

    sentences: Mapping[int, str]
    note: str = ""


def rewrite(
    model: LanguageModel, facts: Sequence[Fact], sentences: Sequence[str], *, style: str, names: Collection[str]
) -> Rewritten:
    """Ask for other sentences. Returns within the budget, whatever the endpoint does.

    Args:
        facts: the most important first.
        sentences: the grammar's, which are used where the model has none that is right.
        names: all names of the episode.
    """
    deadline = time.monotonic() + model.budget_secs
    kept: dict[int, str] = {}
    n_refused, last_reason, trouble = 0, "", ""
    for start in range(0, len(facts), _BATCH):
        batch = range(start, min(start + _BATCH, len(facts)))
        asked = {str(i): {"fact": _fact_text(facts[i]), "sentence": sentences[i]} for i in batch}
        try:
            answers = _ask(model, asked, style, deadline)
        except _EndpointError as error:
            trouble = str(error)
            break
        for i in batch:
            answer = answers.get(str(i))
            text = " ".join(answer.split()) if isinstance(answer, str) else ""
            reason = why_not(text, facts[i], names)
            if reason:
                n_refused, last_reason = n_refused + 1, reason
            else:
                kept[i] = text
    notes = []
    if trouble:
        notes.append(f"the language model at {urlsplit(model.url).netloc} {trouble}")
    if n_refused:
        is_are = "is" if n_refused == 1 else "are"
        notes.append(f"{n_refused} of its sentences {is_are} not by the facts ({last_reason})")
    if notes:
        notes.append(f"the grammar wrote {len(facts) - len(kept)} of {len(facts)} sentences")
    return Rewritten(kept, "; ".join(notes))


class _EndpointError(Exception):
    """The endpoint has no usable answer."""


def _fact_text(fact: Fact) -> str:
    values = ", ".join(f"{slot} = {text}" for slot, text in fact.values.items())
    return f"{fact.kind}: {values}"


def _ask(model: LanguageModel, asked: Mapping[str, Any], style: str, deadline: float) -> dict[str, Any]:
    body = {
        "model": model.model,
        "temperature": 0.8,
        "messages": [
            {"role": "system", "content": _TASK.format(style=style)},
            {"role": "user", "content": json.dumps(asked, ensure_ascii=False)},
        ],
    }
    # In a thread, because neither the search for the host nor an endpoint that sends a byte a second has a time limit.
    result: queue.Queue[bytes | Exception] = queue.Queue()
    data = json.dumps(body).encode()
    threading.Thread(target=_post, args=(model, data, deadline, result), daemon=True).start()
    try:
        answer = result.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        answer = TimeoutError()
    if isinstance(answer, TimeoutError):
        raise _EndpointError(f"took longer than {model.budget_secs:g} seconds") from answer
    if isinstance(answer, Exception):
        raise _EndpointError(f"can't be used ({answer})") from answer
    try:
        content = json.loads(answer)["choices"][0]["message"]["content"]
        found = json.loads(content[content.index("{") : content.rindex("}") + 1])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _EndpointError("answered something else than sentences") from error
    if not isinstance(found, dict):
        raise _EndpointError("answered something else than sentences")
    return found


def _post(model: LanguageModel, data: bytes, deadline: float, result: queue.Queue[bytes | Exception]) -> None:
    """Put the answer, or the error, into ``result``."""
    parts = urlsplit(model.url)
    path = parts.path.rstrip("/")
    path = f"{path if path.endswith(_PATH) else path + _PATH}{f'?{parts.query}' if parts.query else ''}"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if model.key:
        headers["Authorization"] = f"Bearer {model.key}"
    secs = max(0.1, deadline - time.monotonic())
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            str(parts.hostname), parts.port, timeout=secs, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=secs)
    try:
        connection.request("POST", path, data, headers)
        response = connection.getresponse()
        read = b""
        while time.monotonic() < deadline and len(read) <= _MOST_BYTES and (part := response.read1(65_536)):
            read += part
        if response.status != 200:
            result.put(OSError(f"status {response.status}"))
        elif len(read) > _MOST_BYTES:
            result.put(OSError("its answer is too large"))
        else:
            result.put(read)
    except (OSError, http.client.HTTPException, ValueError) as error:
        result.put(error)
    finally:
        connection.close()
