"""A strategy of another package is treated as ours are: by what it says of its blocks, never by its name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from layercut.errors import SpecError
from layercut.figures import accuracy_by_fraction
from layercut.figures.study_tables import StudyTables
from layercut.figures.words import condition_name
from layercut.plan.cost import Images, Length, trial_flops
from layercut.plan.schedule import transfer_jobs
from layercut.plan.summary import summarize
from layercut.records import exact_content
from layercut.report.answers import answer
from layercut.runner import run_study
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_trial
from layercut.stages.trial import Seeds, prepare_model, separate
from layercut.strategies import STRATEGIES
from layercut.strategies.treatment import treatment
from support import foreign_strategies
from support.tiny import context_with_sources, one_condition, tiny_plan, tiny_study

TWINS = {"shorter": "truncate", "untruncated": "finetune", "still": "freeze_truncate"}
OURS = "scratch, finetune, freeze, truncate, freeze_truncate"
ALL = f"transfer.strategies=[{OURS}, shorter, untruncated, still, evens, odds]"


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The strategies of `foreign_strategies`, beside ours."""
    monkeypatch.setattr(STRATEGIES, "_table", {**STRATEGIES._table, **foreign_strategies.TABLE})


@pytest.fixture
def study(registered, tmp_path):
    """A plan with a trained source."""
    checked = tiny_plan(ALL)
    return checked, context_with_sources(checked, tmp_path)


def trained(checked, context, strategy, cut):
    """What a record says, keys aside: two strategies that do the same have different ones."""
    record = run_trial(one_condition(checked, strategy, cut), 0, "trial", context)
    return exact_content(record), record


@pytest.mark.parametrize(("foreign", "ours"), TWINS.items())
def test_the_same_treatment_under_another_name_gives_the_same_bits(study, foreign, ours):
    checked, context = study
    for cut in (1, 3):
        (exact, record), (expected, known) = (trained(checked, context, name, cut) for name in (foreign, ours))
        assert exact == expected
        assert record.num_trained_parameters == known.num_trained_parameters
        assert record.frozen_unchanged == known.frozen_unchanged


@pytest.mark.parametrize("stacked", [False, True])
def test_the_same_treatment_is_planned_alike(stacked):
    """Work, groups of replicates, stored features and the scale of what is kept: all follow from the blocks."""
    scaled = ("transfer.training.kept_lr_scale=0.25", "transfer.replicates=3")
    plan = tiny_plan(ALL, *scaled, stacked=stacked)
    for foreign, ours in TWINS.items():
        for cut in (0, 1, 2):
            one, other = one_condition(plan, foreign, cut), one_condition(plan, ours, cut)
            assert one.flops == other.flops
            assert one.group == other.group
            assert one.trunk == other.trunk
            assert one.training.kept_lr_scale == other.training.kept_lr_scale


def test_the_plan_tells_figures_how_many_blocks_are_left():
    (row,) = summarize(tiny_study(ALL), tiny_plan(ALL).plan)["operations_per_image"]
    assert row["blocks_left"] == {
        "scratch": [3] * 4,
        "finetune": [3] * 4,
        "freeze": [3] * 4,
        "truncate": [0, 1, 2, 3],
        "freeze_truncate": [0, 1, 2, 3],
        "shorter": [0, 1, 2, 3],
        "untruncated": [3] * 4,
        "still": [0, 1, 2, 3],
        "evens": [3] * 4,
        "odds": [3] * 4,
    }


@pytest.mark.parametrize(("strategy", "moved"), [("evens", {"conv0", "conv2"}), ("odds", {"conv1"})])
def test_blocks_with_gaps_are_trained_and_those_between_stay_bit_identical(study, strategy, moved):
    checked, context = study
    condition = one_condition(checked, strategy, 0)
    source, _ = context.open_source(condition.source)
    kept = []

    def remember(trial, record, on_test, context):
        kept.append((trial, record))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("layercut.stages.transfer.keep_trial", remember)
        run_trial(condition, 0, "trial", context)
    ((trial, record),) = kept
    values = trial.model.state_dict()
    changed = {name.split(".")[1] for name in source if name in values and not torch.equal(values[name], source[name])}
    assert changed - {"out"} == moved
    assert record.frozen_unchanged is True
    head = sum(value.numel() for value in trial.model.head.parameters())
    parameters = dict(zip(trial.model.block_names, condition.model.block_parameters, strict=True))
    assert record.num_trained_parameters == head + sum(parameters[name] for name in moved)


def test_only_the_frozen_blocks_below_the_first_trained_one_are_a_trunk():
    treated = {name: treatment(STRATEGIES[name], 0, 5) for name in ("evens", "odds")}
    assert treated["evens"].trunk == 0
    assert treated["odds"].trunk == 1
    assert treated["odds"].frozen == (0, 2, 4)


def test_a_frozen_block_between_trained_ones_costs_its_features_gradient_but_none_of_its_parameters():
    plan = tiny_plan(ALL)
    whole = one_condition(plan, "finetune", 0)
    cost = next(iter(plan.plan.costs.values()))
    middle = cost.trunk_flops[2] - cost.trunk_flops[1]
    spared = whole.flops - one_condition(plan, "evens", 0).flops
    forward = cost.trunk_flops[3] + cost.head_flops[3]
    num_train = 120  # for the arithmetic only
    images = Images(num_train, 10, 20)
    assert (
        trial_flops(cost, whole.treatment, images, Length(3, 3)) == 3 * (3 * num_train + 10) * forward + 150 * forward
    )
    assert trial_flops(cost, one_condition(plan, "evens", 0).treatment, images, Length(3, 3)) == (
        3 * (3 * num_train + 10) * forward + 150 * forward - 3 * num_train * middle
    )
    assert spared % (3 * middle) == 0


def test_a_frozen_block_that_changed_is_noticed(study, monkeypatch):
    from layercut.stages import transfer

    checked, context = study
    original = transfer.train

    def train_and_touch_the_block_between(body, *arguments):
        result = original(body, *arguments)
        body.blocks.conv1.conv.bias.data[0] += 1e-6
        return result

    monkeypatch.setattr(transfer, "train", train_and_touch_the_block_between)
    assert run_trial(one_condition(checked, "evens", 0), 0, "trial", context).frozen_unchanged is False


def test_frozen_blocks_stay_frozen_where_replicates_are_trained_as_one(tmp_path):
    changes = ("transfer.strategies=[evens]", "transfer.replicates=2")
    stacked, serial = tiny_plan(*changes, stacked=True), tiny_plan(*changes)
    context = context_with_sources(stacked, tmp_path)
    (job,) = transfer_jobs(stacked.plan, lambda key: False)
    records = run_stacked(job, context)
    alone = [run_trial(one_condition(serial, "evens", 0), replicate, "trial", context) for replicate in (0, 1)]
    for together, apart in zip(records, alone, strict=True):
        assert together.frozen_unchanged is True
        assert together.num_trained_parameters == apart.num_trained_parameters
        assert together.test_accuracy == pytest.approx(apart.test_accuracy, abs=0.02)


def test_what_a_strategy_trains_is_trained_even_where_the_model_was_built_frozen(study):
    checked, context = study
    condition = one_condition(checked, "freeze", 1)
    source, _ = context.open_source(condition.source)
    model = prepare_model(condition, source, Seeds(*range(len(Seeds._fields)))).requires_grad_(False)
    parts = separate(condition, model)
    assert all(parameter.requires_grad for parameter in parts.body.parameters())
    assert not any(parameter.requires_grad for parameter in parts.trunk.frozen.blocks.parameters())


def test_a_strategy_that_does_the_same_at_every_cut_is_drawn_and_answered_as_ours(tmp_path):
    changes = ("transfer.fractions=[0.5, 1.0]", "transfer.training.epochs=1", "transfer.training.patience=null")
    run_study(tiny_study("transfer.strategies=[scratch, evens, shorter]", *changes), tmp_path, executor="serial")
    tables = StudyTables.read(tmp_path)
    shown = tables.results.groupby("strategy")["cutless"].unique()
    assert {name: list(values) for name, values in shown.items()} == {
        "scratch": [True], "evens": [True], "shorter": [False],
    }  # fmt: skip
    ((_, own),) = tables.contexts()
    lines = {panel.title: [line.name for line in panel.lines] for panel in accuracy_by_fraction.compute(own).panels}
    assert lines["evens"] == ["any cut", "scratch"]
    assert lines["shorter"] == [*(f"cut {cut}" for cut in range(4)), "scratch"]
    (evens,) = (one for one in own.best_by_strategy if one.strategy == "evens" and one.fraction == 1)
    assert condition_name(*evens.point) == "evens"
    assert "keep all 3 blocks, train blocks 1 and 3 further, and freeze the others" in _answer(evens)


def _answer(best):
    found = answer(best)
    return found.lead + found.rest


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ({"removed": lambda cut, num_blocks: [0]}, "all from one on to block 2: got \\[0\\]"),
        ({"trained": lambda cut, num_blocks: [7]}, "must be blocks of 0..2, those that are not removed: got \\[7\\]"),
        ({"trained": None}, "has no `trained`; a strategy declares which blocks it keeps, trains and removes"),
        ({"canonical": lambda cut, num_blocks, hidden: ("broken", cut, False)}, "claims not to depend on it"),
    ],
)
def test_a_strategy_that_says_the_impossible_is_refused_at_planning(monkeypatch, says, message):
    whole = foreign_strategies.EVENS
    methods = {name: getattr(whole, name) for name in ("kept", "trained", "removed", "prepare")}
    methods["canonical"] = lambda cut, num_blocks, hidden: ("broken", cut, True)
    broken = SimpleNamespace(letters="", transfers=True, **(methods | says))
    monkeypatch.setattr(foreign_strategies, "BROKEN", broken, raising=False)
    entry = foreign_strategies.TABLE["evens"]._replace(path="support.foreign_strategies:BROKEN")
    monkeypatch.setattr(STRATEGIES, "_table", {**STRATEGIES._table, "broken": entry})
    with pytest.raises(SpecError, match=message):
        tiny_plan("transfer.strategies=[broken]")
