"""What is said when a recommendation took longer than its budget, on made-up journals."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from layercut.recommending.arms import Arm, ArmTrial, Seen
from layercut.recommending.course import course, overrun
from layercut.recommending.journal import Journal, Step
from layercut.recommending.search import Timer, seconds_for_the_end

HEAD = Arm("head", "linear_probe", 2, 4, 1.0, 1.0, None, 1)
TRAINED = Arm("trained", "freeze", 2, 4, 1.0, 0.5, 1e-3, 9)
HEADS = Step((ArmTrial("head", 0),), 90.0, 40.0)
TRAINING = Step((ArmTrial("trained", 0),), 8.0, 7.0)


def journal(*steps: Step, **values: float) -> Journal:
    """Of 90 s, of which 10 had passed before anything was tried, and 5 are kept for the end."""
    made = Journal("", (HEAD, TRAINED), {"ants": 5, "bees": 5}, 1, True, (), {}, list(steps), 90.0)
    times = {"begun_seconds": 10.0, "reserved_seconds": 5.0} | values
    return dataclasses.replace(made, **times)


CASES = [
    (journal(HEADS, tried_seconds=50.0, spent_seconds=54.0), ""),
    (journal(HEADS, TRAINING, tried_seconds=85.0, spent_seconds=90.5), ""),
    (
        journal(dataclasses.replace(HEADS, seconds=110.0), tried_seconds=120.0, spent_seconds=124.0),
        "The budget was exceeded by 34.0 s: linear classifiers come first whatever the budget, and took 1 min 50 s; "
        "10.0 s had passed before; the look at the test images and what is written took 4.0 s.",
    ),
    (
        journal(HEADS, dataclasses.replace(TRAINING, seconds=16.0), tried_seconds=95.0, spent_seconds=126.0),
        "The budget was exceeded by 36.0 s: the last step, of 1 training, took 16.0 s, where 8.0 s were left; the look "
        "at the test images and what is written took 31.0 s, where 5.0 s were kept for them.",
    ),
    (
        journal(HEADS, dataclasses.replace(TRAINING, begun_again=True), tried_seconds=94.0, spent_seconds=96.0),
        "The budget was exceeded by 6.0 s: 1 training had been interrupted and took 7.0 s from the beginning; the "
        "look at the test images and what is written took 2.0 s.",
    ),
    (
        journal(HEADS, TRAINING, begun_seconds=95.0, tried_seconds=95.0, spent_seconds=97.0),
        "The budget was exceeded by 7.0 s: 1 min 35 s had passed before this call, which tried nothing more; "
        "the look at the test images and what is written took 2.0 s.",
    ),
    (
        journal(HEADS, TRAINING, margin=0.01, tried_seconds=100.0, spent_seconds=104.0),
        "The budget was exceeded by 14.0 s: fresh replicates took longer than earlier ones had; the look at the "
        "test images and what is written took 4.0 s.",
    ),
]


@pytest.mark.parametrize(("made", "said"), CASES)
def test_it_says_by_how_much_and_what_took_longer_than_there_was_time_for(made: Journal, said: str) -> None:
    assert " ".join(overrun(made)) == said


@pytest.mark.parametrize(("is_kept", "seconds"), [(True, 6.0), (False, 6.0 + 1.2 * 20.0)])
def test_a_recommended_arm_whose_weights_were_removed_is_trained_again_and_time_is_kept_for_it(
    is_kept: bool, seconds: float
) -> None:
    runs: Any = SimpleNamespace(is_kept=lambda key: is_kept)
    seen = [Seen("head", 0, 0.8, 0.5, 1.0), Seen("trained", 0, 0.9, 0.5, 20.0)]
    timer = Timer(lambda: 0.0, 0.0, 0.0, end_seconds=6.0)
    assert seconds_for_the_end(runs, journal(HEADS), timer, seen, TRAINED) == pytest.approx(seconds)


def test_where_nothing_could_change_the_choice_that_is_why_it_ended_and_why_the_rest_was_not_tried() -> None:
    made = dataclasses.replace(journal(HEADS, tried_seconds=50.0, spent_seconds=54.0), reason="settled")
    told = list(course(made, [Seen("head", 0, 0.9, 0.3, 40.0)]))
    assert told[0] == (
        "Took 54.0 s of 1 min 30 s: 1 linear classifier and 0 trainings; too few labelled images are wrong for any "
        "training to show that it is better."
    )
    assert told[-1] == (
        "Not tried: 1 of 1 training: on these labels even one without an error would not be shown to be better."
    )
