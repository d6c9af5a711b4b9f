"""A language model may write the sentences, but neither a number nor a name, and never takes longer than its budget."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from recorder.errors import UsageError
from recorder.outline import EpisodeEvents
from recorder.settings import load_settings
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import NARRATION_STYLES
from tests.video.sample import sample_episode
from tests.waiting import DEADLINE_SECS
from worker.video.narration.fact_check import why_not
from worker.video.narration.facts import Fact, FactSheet, make_fact_sheet
from worker.video.narration.grammar import GrammarWriter
from worker.video.narration.language_model import LanguageModel
from worker.video.narration.narration import narrate
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.studio import Studio, studio_of

Answer = Callable[[BaseHTTPRequestHandler, dict], None]


@contextmanager
def endpoint(answer: Answer) -> Iterator[tuple[str, list[dict]]]:
    """A server whose answers a test decides, and what it was asked."""
    asked: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"path": self.path, "key": self.headers["Authorization"], **body})
            try:
                answer(self, body)
            except OSError:
                pass  # the client has gone

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", asked
    finally:
        server.shutdown()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, data: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def says(sentence: Callable[[str, str], object]) -> Answer:
    """An endpoint that makes each sentence from the fact and the grammar's sentence."""

    def answer(handler: BaseHTTPRequestHandler, body: dict) -> None:
        asked = json.loads(body["messages"][1]["content"])
        content = json.dumps({key: sentence(one["fact"], one["sentence"]) for key, one in asked.items()})
        send(handler, json.dumps({"choices": [{"message": {"content": f"```json\n{content}\n```"}}]}).encode())

    return answer


def narrated(url: str, *, budget_secs: float = DEADLINE_SECS, key: str = ""):
    episode = sample_episode(120)
    options = VideoOptions(narrate="teacher", voice="none", steps_per_second=4, hold_secs=4)
    studio = Studio(language_model=LanguageModel(url, "tiny", key, budget_secs))
    script = EpisodeProgramme(episode, timeline_of(episode, options), agent=None).script()
    return narrate(script, options, studio, seed=1, folder=Path())


def test_a_models_sentences_are_used_when_their_facts_are_right() -> None:
    with endpoint(says(lambda _, sentence: f"Well, {sentence[0].lower()}{sentence[1:]}")) as (url, asked):
        narration = narrated(url, key="secret-key")
    used = [line for line in narration.lines if line.text.startswith("Well, ")]
    assert len(used) > 3
    assert asked[0]["path"] == "/v1/chat/completions"
    assert asked[0]["key"] == "Bearer secret-key"
    assert asked[0]["model"] == "tiny"
    assert "teacher" in asked[0]["messages"][0]["content"]
    assert "secret-key" not in repr(LanguageModel(url, "tiny", "secret-key"))


@pytest.mark.parametrize(
    "invented",
    [
        "The energy is at 63%.",
        "It meets Wanda.",
        "Seven steps remain.",
        "The agent visits Casino.",
        "Health is fine.",
        "",
        "x" * 300,
        7,
        None,
    ],
)
def test_a_sentence_with_an_invented_number_or_name_gives_way_to_the_grammar(invented: object) -> None:
    with endpoint(says(lambda *_: invented)) as (url, _):
        narration = narrated(url)
    assert [
        line.text for line in narration.lines if line.text == invented and line.fact.values.get("name") != "health"
    ] == []
    assert "not by the facts" in narration.notes[0]
    assert "the grammar wrote" in narration.notes[0]


def hang(handler: BaseHTTPRequestHandler, body: dict) -> None:
    time.sleep(3)


def drip(handler: BaseHTTPRequestHandler, body: dict) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize("answer", [hang, drip])
def test_the_narration_never_waits_longer_than_the_budget(answer: Answer) -> None:
    with endpoint(answer) as (url, _):
        narration = narrated(url, budget_secs=0.4)
    assert narration.lines
    assert "took longer than 0.4 seconds" in narration.notes[0] or "something else" in narration.notes[0]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda handler, _: send(handler, b"no", 500), "status 500"),
        (lambda handler, _: send(handler, b"<html>"), "something else than sentences"),
        (lambda handler, _: send(handler, b'{"choices": []}'), "something else than sentences"),
        (
            lambda handler, _: send(handler, b'{"choices": [{"message": {"content": "Sure! Here it is"}}]}'),
            "something else",
        ),
        (lambda handler, _: send(handler, b'{"choices": [{"message": {"content": "{[}"}}]}'), "something else"),
        (lambda handler, _: send(handler, b"x" * 3_000_000), "too large"),
        (lambda handler, _: handler.connection.close(), "can't be used"),
    ],
)
def test_an_endpoint_that_answers_nonsense_leaves_the_grammar(answer: Answer, reason: str) -> None:
    with endpoint(answer) as (url, _):
        narration = narrated(url)
    assert narration.lines
    assert reason in narration.notes[0]


def test_an_endpoint_that_is_not_there_leaves_the_grammar() -> None:
    narration = narrated("http://127.0.0.1:9/v1")
    assert narration.lines
    assert "can't be used" in narration.notes[0]


def test_a_sentence_is_checked_against_its_own_fact() -> None:
    fact = Fact(3, "critical", 1.0, {"name": "energy", "share": "7%", "step": "1,234"})
    names = {"energy", "mood", "Bed", "Fridge"}
    for right in (
        "Energy is down to 7%!",
        "At step 1234 the energy is at 7 percent.",
        "Careful: only 7% of energy left. What now?",
        "It is about to starve; the energy says so.",
    ):
        assert why_not(right, fact, names) == "", right
    for wrong in (
        "Energy is down to 8%!", "Energy is down to 7.", "Energy is down to −7%!", "Energy is down to minus 7 percent!",
        "Energy is at seven percent.", "It needs the bed.", "Mood is fine.", "Hamlet is starving.", "It goes to Paris.",
        "<b>Energy</b> is at 7%.", "See https://example.com.", "エネルギーが低い。", "Energy.\nAnd more.",
        "It has twice the energy.",
        "At step 4321 the energy falls.", "Energy at 77%.", "Energy at 0.7%.", "Energy\u202e at 7%.",
    ):  # fmt: skip
        assert why_not(wrong, fact, names) != "", wrong


def sheet_of(episode) -> FactSheet:
    return make_fact_sheet(episode, EpisodeEvents(episode), VideoOptions().timeline(episode.n_steps))


HOSTILE = """
it goes to paris now.
It visits the casino.
Off to the beach!
the agent heads for new-york
It meets wanda at the bar.
It walks into the kitchen with energy at 7%.
Back home, energy is at 7%.
It eats a pizza.
A dragon appears.
bob is at 7%.
Step IV is critical.
Stage I is over.
It lasted 7k steps.
A ½ of its energy is left.
Energy at ７%.
Energy at ٧%.
Energy x7.
Energy is at 7²%.
It falls to a seventh.
A dozen steps remain.
It goes to 🏖.
Será crítico.
Will arrives.
It plays for the lakers.
mcdonalds saves it.
The doctor helps.
It is Monday.
Its iPhone rings.
It uses the fridge.
It uses the FRIDGE.
mood is low.
""".strip().splitlines()


@pytest.mark.parametrize("sentence", HOSTILE)
def test_a_hostile_sentence_is_refused_whatever_its_case(sentence: str) -> None:
    fact = Fact(3, "critical", 1.0, {"name": "energy", "share": "7%", "step": "1,234"})
    for written in (sentence, sentence.lower(), f"Energy is at 7%, and {sentence}"):
        assert why_not(written, fact, {"energy", "mood", "Bed", "Fridge"}) != "", written


def test_the_wrong_one_of_two_is_refused() -> None:
    lead = Fact(3, "lead", 1.0, {"side": "left", "ahead": "7", "lead": "1.50", "step": "9"})
    assert why_not("Episode 7, on the left, is ahead by 1.50.", lead, ()) == ""
    assert why_not("Episode 7, on the right, is ahead by 1.50.", lead, ()) == "it says 'right'"
    clip = Fact(3, "clip", 1.0, {"pick": "worst", "episode": "7"})
    assert why_not("And this is the worst: episode 7.", clip, ()) == ""
    assert why_not("And this is the best: episode 7.", clip, ()) != ""
    split = Fact(3, "split", 1.0, {"what": "position", "step": "9"})
    assert why_not("At step 9 they part, by another action.", split, ()) != ""


def test_a_name_may_be_written_in_its_words_and_its_part_of_the_alphabet() -> None:
    use = Fact(3, "use", 1.0, {"name": "HomeMeal", "step": "9"})
    assert why_not("Time for the home meal!", use, {"HomeMeal"}) == ""
    assert why_not("Time for the home run!", use, {"HomeMeal", "Bed"}) != ""
    foreign = Fact(3, "use", 1.0, {"name": "ベッド", "step": "9"})
    assert why_not("Now it uses ベッド.", foreign, {"ベッド"}) == ""
    assert why_not("Now it uses シャワー.", foreign, {"ベッド"}) != ""


def test_most_sentences_of_the_grammar_would_pass_the_check() -> None:
    """The vocabulary is wide enough for a model that writes as plainly."""
    sheet = sheet_of(sample_episode(240))
    reasons = [
        why_not(GrammarWriter(style, seed).write(fact), fact, ())
        for style in NARRATION_STYLES
        for seed in range(5)
        for fact in sheet.facts
    ]
    assert reasons.count("") > 0.85 * len(reasons), Counter(reasons).most_common(20)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (("ftp://host/v1", "m"), "must be a URL"),
        (("http://user:pw@host/v1", "m"), "without a password"),
        (("http://host:99999/v1", "m"), "must be a URL"),
        (("http://host/v1", ""), "needs model"),
        (("http://host/v1", "m", "two\nlines"), "llm_key must be"),
        (("http://host/v1", "m", "", 0.0), "llm_secs must be"),
    ],
)
def test_a_wrong_endpoint_is_refused_without_its_secrets(choices: tuple, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        LanguageModel(*choices)
    assert "pw" not in str(caught.value)
    assert "two" not in str(caught.value)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAMLET_RECORDER_RENDER__LLM_KEY", "from-outside")
    settings = load_settings(overrides={"render": {"llm_url": "https://host/v1", "llm_model": "m"}})
    model = studio_of(settings.render).language_model
    assert model is not None
    assert model.key == "from-outside"
    assert "from-outside" not in repr(settings) + repr(model)
