"""Learning rates of a plan that are chosen: what is open, what it becomes, what is refused."""

from __future__ import annotations

import pytest

from layercut.errors import SpecError
from layercut.plan.expand import Plan
from layercut.plan.piloting import as_pilot
from layercut.plan.rates import choose_rates, num_pilots, searches
from layercut.plan.summary import describe, summarize
from layercut.records import PilotRecord
from support.tiny import tiny_plan, tiny_study

LIST = "transfer.training.lr=[1e-3,1e-2,1e-1]"


def scored(plan: Plan, best: float) -> tuple[dict[str, float], list[PilotRecord]]:
    """Choose with pilots that do the better the nearer they are to a rate; return what was taken, and all pilots."""
    records: list[PilotRecord] = []
    while True:
        found = choose_rates(plan.conditions, records, {})
        if not found.pilots:
            return dict(found.taken), records
        for job in found.pilots:
            rate = job.condition.training.lr
            records.append(PilotRecord(job.key, job.search, rate, job.replicate, False, 1 - abs(rate - best), 1.0))


def keys(plan: Plan) -> set[str]:
    return {condition.key for condition in plan.conditions}


def test_a_list_of_one_rate_is_that_rate():
    assert keys(tiny_plan("transfer.training.lr=[1e-2]").plan) == keys(tiny_plan().plan)


def test_at_the_rate_that_was_taken_a_condition_is_that_of_a_study_of_this_one_rate():
    plan = tiny_plan(LIST).plan
    taken, _ = scored(plan, best=1e-2)
    assert set(taken.values()) == {1e-2}
    chosen = plan.at_rates(taken)
    assert keys(chosen) == keys(tiny_plan().plan)
    assert [name.condition for name in chosen.names] == [name.condition for name in tiny_plan().plan.names]


def test_the_order_of_a_list_changes_nothing():
    assert keys(tiny_plan("transfer.training.lr=[1e-1,1e-3,1e-2]").plan) == keys(tiny_plan(LIST).plan)


def test_a_solved_head_has_no_rate_to_choose():
    plan = tiny_plan(LIST, "transfer.strategies=[linear_probe, lp_finetune]").plan
    assert {one.strategy for one in plan.conditions if one.rates} == {"lp_finetune"}
    assert {name.learning_rate for name in plan.names if name.strategy == "linear_probe"} == {None}


def test_equivalent_conditions_share_their_pilots():
    plan = tiny_plan(LIST).plan
    _, records = scored(plan, best=1e-2)
    at_zero = {name.search for name in plan.names if name.strategy in ("scratch", "freeze_reinit") and name.cut == 0}
    assert len(at_zero) == 1
    assert len({record.key for record in records}) == len(records)


def test_what_differs_in_its_list_alone_shares_pilots_and_is_one_trial_at_one_rate():
    factors = "transfer.factors={rates: {two: {lr: [1e-3, 1e-2]}, three: {lr: [1e-3, 1e-2, 1e-1]}, one: {lr: 1e-2}}}"
    plan = tiny_plan(factors, "transfer.strategies=[finetune]").plan
    taken, records = scored(plan, best=1e-2)
    chosen = plan.at_rates(taken)
    assert (len(plan.conditions), len(chosen.conditions)) == (3, 1)
    assert len({record.search for record in records}) == 1
    assert [name.merged for name in chosen.names if name.cut == 0] == [False, True, True]


def test_searches_begin_at_the_middle_cut_and_go_on_from_the_nearest():
    plan = tiny_plan(LIST, "transfer.strategies=[reinit]").plan
    begun = {one.cut: None if start is None else start.cut for one, start in searches(plan.conditions)}
    assert begun == {0: None, 2: None, 1: 2, 3: None}  # at 0 it is scratch, at 3 finetune


def test_a_search_waits_for_the_one_that_it_begins_from():
    plan = tiny_plan(LIST, "transfer.strategies=[reinit]", "transfer.cuts=[1, 2]").plan
    assert {job.condition.cut for job in choose_rates(plan.conditions, [], {}).pilots} == {2}


def test_what_begins_from_a_search_that_failed_tries_every_rate():
    plan = tiny_plan(LIST, "transfer.strategies=[reinit]", "transfer.cuts=[1, 2]").plan
    lost = choose_rates(plan.conditions, [], {}).pilots[0]
    found = choose_rates(plan.conditions, [], {lost.key: "out of memory"})
    assert {(job.condition.cut, job.condition.training.lr) for job in found.pilots} == {(1, 1e-3), (1, 1e-2), (1, 1e-1)}
    assert list(found.failed.values()) == ["out of memory"]


def test_pilots_are_replicates_of_their_own_trained_one_by_one():
    plan = tiny_plan(LIST, "transfer.replicates=4", stacked=True).plan
    jobs = choose_rates(plan.conditions, [], {}).pilots
    assert {job.replicate for job in jobs} == {-1}
    assert {job.condition.group for job in jobs} == {None}
    assert {one.group for one in plan.conditions} - {None}


def test_features_are_stored_for_the_images_of_pilots_too():
    with_list, without = tiny_plan(LIST).plan, tiny_plan().plan
    (feature_set, _), (other, _) = (next(iter(plan.feature_sets.values())) for plan in (with_list, without))
    assert list(other.samples.replicates) == [(0.2, 0)]
    assert list(feature_set.samples.replicates) == [(0.2, -2), (0.2, -1), (0.2, 0)]


@pytest.mark.parametrize(
    ("overrides", "place"),
    [
        ((LIST, "transfer.fractions=[0.007]"), "transfer.training.lr"),
        (("transfer.factors={a: {b: {lr: [1e-3, 1e-2]}}}", "transfer.fractions=[0.007]"), "transfer.factors.a.b.lr"),
        ((LIST, "transfer.validation=folds", "transfer.fractions=[0.007]"), "transfer.training.lr"),
    ],
)
def test_a_list_is_refused_where_there_is_nothing_to_choose_by(overrides: tuple[str, ...], place: str):
    with pytest.raises(SpecError, match="no images to choose by") as raised:
        tiny_plan(*overrides)
    assert f"`{place}`" in str(raised.value)


def test_a_list_needs_two_images_of_a_class_and_none_for_validation_alone():
    """At 2 % `within` can spare none, yet each of three can be predicted by a model that has not seen it."""
    plan = tiny_plan(LIST, "transfer.fractions=[0.02]").plan
    rules = {one.pilots for one in plan.conditions if one.rates}
    assert {(rule.validation, rule.num_folds) for rule in rules if rule} == {("folds", 3)}
    assert {rule.num_judged for rule in rules if rule} == {
        sum(round(0.02 * count) for count in (134, 133, 133, 129, 132))
    }


@pytest.mark.parametrize("num_folds", [2, 3, 5])
def test_pilots_have_three_folds_or_the_fewer_of_the_study(num_folds: int):
    plan = tiny_plan(LIST, "transfer.validation=folds", f"transfer.num_folds={num_folds}").plan
    assert {one.pilots.num_folds for one in plan.conditions if one.pilots} == {min(3, num_folds)}


def test_studies_that_validate_within_and_with_folds_share_pilots():
    by_validation = [
        {job.key for job in choose_rates(tiny_plan(LIST, f"transfer.validation={name}").plan.conditions, [], {}).pilots}
        for name in ("within", "folds")
    ]
    assert by_validation[0] == by_validation[1]


def test_a_study_with_validation_images_besides_its_sample_judges_pilots_on_them():
    plan = tiny_plan(LIST, "transfer.validation=full").plan
    job = choose_rates(plan.conditions, [], {}).pilots[0]
    assert (job.condition.validation, job.condition.num_folds) == ("full", 0)


def test_a_pilot_trains_its_folds_and_no_model_of_all_images():
    """Two thirds of the sample in each of three folds; a trial's five folds and its own model come to five samples."""
    plan = tiny_plan(LIST, "transfer.validation=folds", "transfer.strategies=[finetune]").plan
    (condition,), (cost,) = plan.conditions, plan.costs.values()
    forward = cost.whole_flops + cost.head_flops[-1]
    pilot, trial = (one.flops - one.num_evaluated * forward for one in (as_pilot(condition), condition))
    assert pilot / trial == 2 / 5


def test_a_list_whose_only_strategies_are_solved_needs_nothing_to_choose_by():
    tiny_plan(LIST, "transfer.fractions=[0.02]", "transfer.strategies=[linear_probe]")


def test_a_plan_counts_pilots_between_its_bounds():
    plan = tiny_plan(LIST).plan
    told = summarize(tiny_study(LIST), plan)
    _, records = scored(plan, best=1e-2)
    rates = told["learning_rates"]
    assert rates["pilots_least"] <= len(records) <= rates["pilots_most"]
    assert rates["lists"] == [[1e-3, 1e-2, 1e-1]]
    assert {"level": 2, "kind": "pilot", "jobs": rates["pilots_most"]} in told["jobs_by_level"]
    most = num_pilots(plan.conditions)
    assert told["estimated_flops"]["pilot"] == sum(as_pilot(one).flops * most[one.key].most for one in plan.conditions)
    assert f"by {rates['pilots_least']} to {rates['pilots_most']} pilot trainings" in describe(told)


def test_a_plan_of_one_rate_says_nothing_of_pilots():
    told = summarize(tiny_study(), tiny_plan().plan)
    assert told["learning_rates"] is None
    assert "pilot" not in describe(told)
