"""Studies that are larger than anybody means are refused before they are expanded."""

from __future__ import annotations

import pytest

from layercut.errors import SpecError
from layercut.spec import parse_study
from support.tiny import STUDY, tiny_plan, tiny_study

MANY = {f"factor{n}": {f"level{m}": {} for m in range(10)} for n in range(9)}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("transfer.replicates=1000000000", r"at most 2,000,000 trials; the study asks for 7,000,000,000 or more"),
        ("transfer.replicates={up_to: {1.0: 1000000000}}", "at most 2,000,000 trials"),
        (f"transfer.factors={MANY}", "at most 150,000 conditions; .* or raise transfer.max_conditions"),
        ("probes=[{name: knn, replicates: 1000000000}]", r"probes\[0\].replicates.*at most 2,000,000 samples"),
    ],
)
def test_an_absurd_design_is_refused_in_words(override, message):
    with pytest.raises(SpecError, match=message):
        tiny_plan(override)


def test_cuts_are_counted_once_the_model_is_known():
    with pytest.raises(SpecError, match="at most 20 conditions; the study asks for 25 or more"):
        tiny_plan("transfer.max_conditions=20")


def test_the_limit_can_be_raised():
    assert len(tiny_plan("transfer.max_conditions=25", "transfer.max_trials=25").plan.names) == 25


def test_the_limit_changes_no_key():
    plain, limited = tiny_plan(), tiny_plan("transfer.max_trials=1000")
    assert [condition.key for condition in plain.plan.conditions] == [c.key for c in limited.plan.conditions]


@pytest.mark.parametrize("text", ["seed: !!binary aGVsbG8=", "? !!binary aGVsbG8=\n: 3", "csv: !!set {a, b}"])
def test_what_only_yaml_knows_is_refused_with_its_line(text):
    with pytest.raises(SpecError, match=r"(?s)a list or a mapping; got `(binary|set)`: put text in quotes.*line"):
        parse_study(STUDY.replace("seed: 3\n", "") + text)


def test_bytes_in_an_override_are_refused():
    with pytest.raises(SpecError, match=r"--set seed=.*got `binary`"):
        tiny_study("seed=!!binary aGVsbG8=")


def test_the_length_of_a_training_of_very_many_epochs_is_known_at_once():
    assert tiny_plan("transfer.training.epochs=1000000000000").plan.conditions
