"""Why a condition is recommended and not another: hand-worked cases."""

from __future__ import annotations

from layercut.recommending.arms import Arm
from layercut.recommending.told import ArmScore
from layercut.recommending.why import best_of_each, features_by_depth, how_sure


def row(strategy: str, cut: int, score: float, model: str = "") -> ArmScore:
    solved = strategy == "linear_probe"
    arm = Arm(f"{model}{strategy}{cut}", strategy, cut, 18, 1.0, 0.75, None if solved else 3e-4, 10)
    return ArmScore(arm._replace(model=model), 1, score, 0.1, 1.0, failed=False)


HEADS = [row("linear_probe", cut, score) for cut, score in ((18, 0.917), (12, 0.792), (17, 0.958))]
TRAINED = row("freeze", 12, 0.75)


def test_cuts_are_compared_by_the_classifiers_on_their_features_in_the_order_of_depth() -> None:
    (told,) = features_by_depth(HEADS[2], [*HEADS, TRAINED])
    assert told == "Features by depth: a linear classifier after 12, 17 and 18 blocks has 79.2, 95.8 and 91.7 %."


def test_of_many_cuts_the_best_seven_are_told() -> None:
    rows = [row("linear_probe", cut, cut / 20) for cut in range(12)]
    (told,) = features_by_depth(rows[-1], rows)
    assert told.startswith(
        "Features by depth (the best 7 of 12 cuts): a linear classifier after 5, 6, 7, 8, 9, 10 and 11 blocks "
    )


def test_another_models_classifiers_say_nothing_about_where_to_cut() -> None:
    assert list(features_by_depth(HEADS[0], [HEADS[0], row("linear_probe", 3, 0.5, model="other")])) == []


def test_the_best_condition_of_each_strategy_is_named_where_there_are_several() -> None:
    assert list(best_of_each(TRAINED, [*HEADS, TRAINED])) == [
        "Best of each strategy tried: linear_probe at cut 17, 95.8 %; freeze at cut 12 (rate 3e-4), 75.0 %."
    ]
    assert list(best_of_each(HEADS[2], HEADS)) == []


def test_it_is_said_how_many_conditions_the_labels_rule_out() -> None:
    (told,) = how_sure(HEADS[2], [*HEADS, TRAINED], [HEADS[1], HEADS[0]])
    assert told == (
        "How sure: these labels rule out 1 of the 3 other conditions tried. They cannot tell it apart from: "
        "linear_probe at cut 18, 91.7 %; linear_probe at cut 12, 79.2 %."
    )


def test_where_the_labels_rule_out_nothing_that_is_said() -> None:
    (told,) = how_sure(HEADS[2], HEADS, HEADS[:2])
    assert told.startswith("How sure: these labels rule out none of the 2 other conditions tried. ")


def test_where_the_labels_rule_out_everything_else_that_is_said() -> None:
    (told,) = how_sure(HEADS[2], HEADS, [])
    assert told == "How sure: clearly better than the 2 other conditions tried (an exact sign test for each, at 5 %)."


def test_a_single_condition_is_compared_with_nothing() -> None:
    assert list(how_sure(HEADS[2], HEADS[2:], [])) == []
