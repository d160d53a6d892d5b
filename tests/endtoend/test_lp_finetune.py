"""Fine-tuning from a solved head: where it starts, by its definition, and with folds each from its own images."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from layercut import run_study
from layercut.ledger import Ledger
from layercut.records import TrialRecord
from layercut.stages import transfer
from layercut.stages.trial import Trial
from layercut.strategies import STRATEGIES
from layercut.training.folds import train_folds
from layercut.training.solved import head_inputs, solve_head
from support.tiny import context_with_sources, one_condition, tiny_plan, tiny_study

BOTH = "transfer.strategies=[lp_finetune, linear_probe, finetune]"
SLOW = "transfer.training.lr=1e-12"
"""Nothing moves: what is trained shows where it started."""


def run(checked, context, strategy: str, cut: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Trial, TrialRecord]:
    kept: list[Trial] = []
    monkeypatch.setattr(transfer, "keep_trial", lambda trial, *_: kept.append(trial))
    record = transfer.run_trial(one_condition(checked, strategy, cut), 0, "trial", context)
    return kept[-1], record


@pytest.mark.parametrize("validation", ["within", "folds"])
def test_training_starts_from_the_linear_probe_of_the_last_cut_and_the_sources_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validation: str
) -> None:
    checked = tiny_plan(BOTH, SLOW, f"transfer.validation={validation}", "transfer.num_folds=3")
    context = context_with_sources(checked, tmp_path)
    monkeypatch.setattr(transfer, "check_trained", lambda *_: None)  # it would say that nothing moved
    probe, of_probe = run(checked, context, "linear_probe", 3, monkeypatch)
    tuned, of_tuned = run(checked, context, "lp_finetune", 0, monkeypatch)
    source, _ = context.open_source(checked.plan.sources[0].key)
    for name, value in tuned.model.state_dict().items():
        expected = source[name] if name.startswith("blocks.") else probe.model.state_dict()[name]
        assert torch.allclose(value, expected, atol=1e-5), name
    assert of_tuned.penalty_strength == of_probe.penalty_strength
    assert of_tuned.test_accuracy == of_probe.test_accuracy
    assert of_tuned.validation_accuracy == of_probe.validation_accuracy
    assert of_tuned.validation_loss == pytest.approx(of_probe.validation_loss, abs=1e-4)


def test_each_fold_starts_from_the_head_that_is_solved_on_its_own_training_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = tiny_plan(BOTH, "transfer.validation=folds", "transfer.num_folds=3")
    context = context_with_sources(checked, tmp_path)
    started = []

    def remember(folds, *arguments):
        for fold in folds:
            alone = copy.deepcopy(fold.model)
            started.append(
                (fold.model.head.out.weight.detach().clone(), alone, head_inputs(alone, fold.training), fold)
            )
        return train_folds(folds, *arguments)

    monkeypatch.setattr(transfer, "train_folds", remember)
    _, record = run(checked, context, "lp_finetune", 0, monkeypatch)
    assert len(started) == 3
    for weight, alone, features, fold in started:
        assert len(features) < record.num_train_images
        solve_head(alone, features, fold.training.labels, record.penalty_strength)
        assert torch.allclose(alone.head.out.weight, weight, atol=1e-5)


def test_it_trains_everything_and_gives_other_results_than_fine_tuning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = tiny_plan(BOTH)
    context = context_with_sources(checked, tmp_path)
    _, tuned = run(checked, context, "lp_finetune", 0, monkeypatch)
    _, plain = run(checked, context, "finetune", 0, monkeypatch)
    assert tuned.num_trained_parameters == tuned.num_parameters == plain.num_trained_parameters
    assert tuned.frozen_unchanged is None
    assert tuned.stop_reason in ("limit", "patience")
    assert plain.penalty_strength is None
    assert tuned.curve[0].train_loss < plain.curve[0].train_loss


def test_it_is_one_trial_for_all_cuts_and_depends_on_how_it_is_trained() -> None:
    assert {STRATEGIES["lp_finetune"].canonical(cut, 3, False) for cut in range(4)} == {("lp_finetune", 3, True)}
    keys = [
        {condition.key for condition in tiny_plan("transfer.strategies=[lp_finetune]", *change).plan.conditions}
        for change in ((), ("transfer.training.lr=1e-4",), ("transfer.training.kept_lr_scale=0.1",))
    ]
    assert len(set.union(*keys)) == 3


def test_its_work_is_that_of_fine_tuning_and_of_solving() -> None:
    plan = tiny_plan(BOTH)
    tuned, plain = (one_condition(plan, name, 0).flops for name in ("lp_finetune", "finetune"))
    probe = one_condition(plan, "linear_probe", 3).flops  # features of the last cut are in its feature set
    cost = next(iter(plan.plan.costs.values()))
    assert (tuned - plain - probe) % cost.trunk_flops[3] == 0
    assert tuned - plain - probe > 0


def test_replicates_are_trained_one_by_one_and_the_plan_says_why() -> None:
    checked = tiny_plan("transfer.strategies=[lp_finetune, linear_probe]", "transfer.replicates=2", stacked=True)
    assert {condition.group for condition in checked.plan.conditions} == {None}
    (warning,) = [text for text in checked.plan.warnings if "one by one" in text]
    assert "each starts from a head that is solved for it" in warning


def test_records_depend_neither_on_workers_nor_on_stored_features(tmp_path: Path) -> None:
    study = tiny_study("transfer.strategies=[lp_finetune]", "transfer.validation=folds", "transfer.num_folds=2")
    here = run_study(study, tmp_path / "here", executor="serial", device="cpu")
    there = run_study(study, tmp_path / "there", executor="processes", workers=2, device="cpu", memory_bytes=0)
    assert not here.failed
    assert here.records_hash == there.records_hash
    with Ledger(tmp_path / "here", read_only=True) as ledger:
        (trial,) = ledger.trials()
    assert trial.penalty_strength is not None
