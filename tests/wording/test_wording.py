"""Reasons, explanations and statuses read as English, whatever a criterion wrote."""

from __future__ import annotations

import pytest

from recorder.episode import EpisodeStatus
from recorder.settings import CriteriaSettings
from recorder.wording import MEASURES, STATUS_WORDS, TERMS, explanation_in_words, reason_family, reason_in_words
from tests.criteria.episodes import episode
from worker.criteria.build import build_criteria
from worker.criteria.evaluator import Evaluator


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("periodic_100", "every 100th"),
        ("periodic_1", "every episode"),
        ("periodic_22", "every 22nd"),
        ("periodic_113", "every 113th"),
        ("top_5.0pct", "top 5 %"),
        ("bottom_0.25pct", "bottom 0.25 %"),
        ("stage_2_pre_transition", "just before leaving stage 2"),
        ("stage_-1_post_transition", "just after reaching stage -1"),
        ("stage_1_first_1", "first of stage 1"),
        ("stage_1_first_3", "3rd of stage 1"),
        ("stage_4_last_2", "2nd to last of stage 4"),
        ("manual_longest_life", "you: longest life"),
        ("salvaged", "trainer died"),
        ("my_own_rule", "my own rule"),
        ("_", "_"),
        ("", ""),
    ],
)
def test_a_reason_reads_as_english(reason: str, words: str) -> None:
    assert reason_in_words(reason) == words


def test_reasons_of_one_kind_are_one_family_whose_glob_finds_them_all() -> None:
    stages = {reason_family(f"stage_{stage}_first_{place}") for stage in (1, 20) for place in (1, 3)}
    assert [(each.glob, each.words) for each in stages] == [("stage_*_first_*", "first of a stage")]
    assert reason_family("top_5.0pct") == ("top_5.0pct", "top 5 %")
    assert reason_family("my_own") == ("my_own", "my own")


def test_every_explanation_of_the_default_criteria_reads_as_english() -> None:
    evaluator = Evaluator(build_criteria(CriteriaSettings().model_dump(exclude={"custom"})))
    decided = []
    for number in range(300):
        stage = None if number == 7 else 1 + number // 100
        status = EpisodeStatus.TRUNCATED if number % 50 == 49 else EpisodeStatus.COMPLETE
        reward = float(number * 37 % 101)
        decided += evaluator.observe(episode(number, reward=reward, stage=stage, status=status))
        evaluator.add_manual_reason(number, "my_reason")
    decided += evaluator.end_run()
    said = [explanation_in_words(entry) for each in decided for entry in each.why]
    titles = {"Every n-th episode", "Change of stage", "Unusual return", "First and last of a stage"}
    assert titles <= {each.title for each in said}
    assert [each for each in said if "_" in each.text or not each.text.endswith(".")] == []
    top = next(each.text for each in said if "bove the threshold: top 10 %" in each.text)
    assert top.startswith("Return ")
    assert ", threshold " in top


def test_an_explanation_of_an_unknown_criterion_is_shown_as_it_is() -> None:
    odd = {"criterion": "near_miss", "value": "nan", "threshold": None, "detail": "too_close"}
    assert explanation_in_words(odd) == ("near miss", "Value nan. Too close.")
    assert explanation_in_words({}) == ("Unnamed criterion", "")


def test_every_status_has_a_word_and_a_meaning() -> None:
    assert set(STATUS_WORDS) == {*map(str, EpisodeStatus), "live"}
    for word in STATUS_WORDS.values():
        assert "_" not in word.word
        assert word.meaning.endswith(".")


def test_terms_and_measures_are_sentences_without_underscores() -> None:
    for term in (*TERMS.values(), *MEASURES.values()):
        assert "_" not in term.title + term.meaning
        assert term.meaning.endswith(".")
