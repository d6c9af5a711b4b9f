"""What a language model may claim: an outcome or a direction only where the fact has it."""

from __future__ import annotations

import pytest

from worker.video.narration.fact_check import is_false_claim, why_not
from worker.video.narration.facts import Fact

FACTS = {
    fact.kind: fact
    for fact in (
        Fact(0, "intro", 0.9, {"episode": "7"}),
        Fact(3, "use", 0.5, {"name": "Bed", "step": "9"}),
        Fact(3, "low", 0.4, {"name": "energy", "share": "20%", "step": "9"}),
        Fact(3, "critical", 0.7, {"name": "energy", "share": "7%", "step": "9"}),
        Fact(3, "recovered", 0.5, {"name": "energy", "share": "31%", "step": "9"}),
        Fact(3, "reward_up", 0.5, {"reward": "+2.000", "step": "9"}),
        Fact(3, "reward_down", 0.5, {"reward": "−2.000", "step": "9"}),
        Fact(3, "best_reward", 0.7, {"reward": "+2.000", "step": "9"}),
        Fact(9, "death", 1.0, {"name": "energy", "share": "0%", "steps": "9 steps"}),
        Fact(9, "end", 0.9, {"steps": "9 steps", "return": "4.00"}),
        Fact(9, "lead", 0.8, {"side": "left", "ahead": "7", "lead": "1.50", "step": "9"}),
        Fact(9, "tie", 0.9, {"return": "4.00"}),
    )
}

FALSE = """
intro: It has won.
intro: This is the best one.
use: It dies at the Bed.
use: It reached the goal at the Bed.
use: Again it is the Bed.
low: Energy rises to 20%.
low: Energy is full: 20%.
low: It recovers, with 20% of energy.
critical: Energy climbs to 7%!
critical: Energy improves to 7%.
critical: It is over, at 7% of energy.
critical: It perished with energy at 7%.
critical: A victory for energy: 7%!
critical: Energy goes up to 7%.
recovered: Energy sinks to 31%.
recovered: Energy is critical at 31%.
recovered: Energy falls, at step 9.
recovered: It died with energy at 31%.
reward_up: The reward plunges: +2.000.
reward_up: It wins the game: +2.000.
reward_up: A penalty of +2.000.
reward_up: The greatest reward: +2.000.
reward_down: The reward climbs to −2.000.
reward_down: It pays: −2.000.
reward_down: A triumph: −2.000.
best_reward: The worst reward: +2.000.
best_reward: It fails at step 9: +2.000.
death: It recovered: energy at 0%.
death: Success after 9 steps!
death: It achieved its goal in 9 steps.
end: It reached the goal after 9 steps.
end: It died after 9 steps.
end: It won after 9 steps.
end: It failed after 9 steps.
end: A record: 9 steps.
lead: Both are equal at step 9.
lead: Episode 7 wins, by 1.50.
lead: It ends with episode 7 ahead by 1.50.
tie: Episode leads with 4.00.
tie: A victory with 4.00.
""".strip().splitlines()

TRUE = """
intro: And here it begins: episode 7.
use: At step 9 it starts to use the Bed.
low: Energy sinks to 20%.
low: Careful: energy is low.
critical: Energy plunges to 7%, and that is dangerous.
recovered: Energy rises to 31%: saved!
recovered: The crisis is over, with energy at 31%.
reward_up: A rewarding step: +2.000!
reward_down: That was costly: −2.000.
best_reward: The greatest reward of the episode: +2.000.
death: It died after 9 steps, with energy at 0%.
end: It ends after 9 steps, with a return of 4.00.
lead: Episode 7 is ahead by 1.50.
tie: They are equal, at 4.00.
""".strip().splitlines()


@pytest.mark.parametrize("line", FALSE)
def test_a_claim_that_the_fact_does_not_have_is_refused(line: str) -> None:
    kind, _, sentence = line.partition(": ")
    for written in (sentence, sentence.lower()):
        assert why_not(written, FACTS[kind], {"energy", "Bed"}).startswith("it says"), written


@pytest.mark.parametrize("line", TRUE)
def test_a_claim_that_the_fact_has_is_used(line: str) -> None:
    kind, _, sentence = line.partition(": ")
    assert why_not(sentence, FACTS[kind], {"energy", "Bed"}) == ""


def test_what_has_happened_before_may_happen_again_and_a_name_is_no_claim() -> None:
    again = Fact(3, "use", 0.5, {"name": "Bed", "step": "9", "count": "3"})
    assert why_not("Again it is the Bed.", again, {"Bed"}) == ""
    assert is_false_claim("again", FACTS["use"])
    named = Fact(3, "use", 0.5, {"name": "Final Goal", "step": "9"})
    assert why_not("At step 9 it turns to the final goal.", named, {"Final Goal"}) == ""
