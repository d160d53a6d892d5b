"""The results table: a row for each trial and name, in one order, with one set of types."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from layercut.errors import LedgerError
from layercut.ledger import LEDGER_NAME, Ledger
from layercut.records import ConditionName, EpochPoint, FailureRecord, ProbeRecord, TrialRecord
from layercut.stats.design import factor_columns
from layercut.stats.probe_tables import load_probes, probe_table
from layercut.stats.tables import load_curves, load_failures, load_results


def _name(condition: str, strategy: str = "freeze", cut: int = 1, **other) -> ConditionName:
    values = {"source": "s", "target": "t", "model": "m", "fraction": 0.1, "num_blocks": 4, "merged": False}
    return ConditionName(condition=condition, strategy=strategy, cut=cut, **(values | other))


def _trial(key: str, condition: str, replicate: int = 0, **other) -> TrialRecord:
    return TrialRecord(key, condition, replicate, 0.9, other.pop("validation_accuracy", None), 0.8, **other)


def _failure(key: str, condition: str | None, replicate: int | None) -> FailureRecord:
    job = "transfer" if condition else "pretrain"
    return FailureRecord(key, job, condition, replicate, "diverged", "loss is NaN")


@pytest.fixture
def run(tmp_path):
    """Return a function that makes an output directory from names and records."""

    def make(names=(), records=(), **meta):
        with Ledger(tmp_path, create=True) as ledger:
            ledger.add_names(names)
            ledger.append(list(records))
            for name, value in meta.items():
                ledger.set_meta(name, value)
        return tmp_path

    return make


def test_a_merged_trial_has_a_row_under_every_name(run):
    names = [_name("c", "scratch", 0), _name("c", "reinit", 0, merged=True)]
    results = load_results(run(names, [_trial("k", "c")]))
    assert list(results["strategy"]) == ["scratch", "reinit"]
    assert list(results["merged"]) == [False, True]
    assert list(results["key"]) == ["k", "k"]


def test_failed_trials_are_rows_without_accuracy(run):
    names = [_name("c")]
    results = load_results(run(names, [_trial("k", "c", 1), _failure("f", "c", 0)]))
    assert list(results["status"]) == ["diverged", "finished"]
    assert list(results["test_accuracy"].isna()) == [True, False]


def test_failures_of_other_jobs_are_no_rows_of_the_results(run):
    assert load_results(run([_name("c")], [_failure("f", None, None)])).empty


def test_trials_without_a_name_are_left_out(run):
    assert load_results(run([_name("c")], [_trial("k", "other")])).empty


def test_rows_follow_the_design_and_not_the_order_of_arrival(run):
    names = [
        _name("z", "truncate", 1),
        _name("f2", "freeze", 2),
        _name("f1", "freeze", 1),
        _name("x", "of_a_third_party", 1),
        _name("s", "scratch", 0),
        _name("a", "truncate", 4, source="a"),
        _name("h", "freeze", 1, fraction=0.5),
    ]
    records = [_trial(f"{name.condition}{r}", name.condition, r) for name in names for r in (1, 0)]
    results = load_results(run(names, records))
    expected = ["a", "s", "f1", "h", "f2", "z", "x"]
    assert list(results["key"]) == [f"{condition}{r}" for condition in expected for r in (0, 1)]


def test_each_training_factor_is_a_column(run):
    names = [_name("c", factors={"optimizer": "sgd"}), _name("d", factors={"optimizer": "adam"})]
    results = load_results(run(names, [_trial("k", "c"), _trial("l", "d")]))
    assert factor_columns(results) == ["factor_optimizer"]
    assert list(results["factor_optimizer"]) == ["adam", "sgd"]


def test_a_factor_named_like_a_column_does_not_replace_it(run):
    results = load_results(run([_name("c", factors={"model": "big"})], [_trial("k", "c")]))
    assert factor_columns(results) == ["factor_model"]
    assert list(results["model"]) == ["m"]


def test_missing_values_stay_missing_and_known_ones_exact(run):
    full = _trial("k", "c", 0, validation_accuracy=1 / 3, num_parameters=10**10, frozen_unchanged=False)
    results = load_results(run([_name("c")], [full, _trial("l", "c", 1)]))
    assert results["validation_accuracy"][0] == 1 / 3
    assert np.isnan(results["validation_accuracy"][1])
    assert results["num_parameters"][0] == 10**10
    assert results["num_parameters"].isna()[1]
    assert results["frozen_unchanged"][0] is np.False_
    assert results["frozen_unchanged"].isna()[1]


def test_types_do_not_depend_on_the_rows(run, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    Ledger(empty, create=True).close()
    full = _trial(
        "k",
        "c",
        validation_accuracy=0.5,
        test_loss=0.1,
        best_epoch=1,
        split_hash="h",
        device="cpu",
        precision="float32",
    )
    filled, bare = load_results(run([_name("c")], [full])), load_results(empty)
    assert dict(filled.dtypes) == dict(bare.dtypes)


def test_attributes_tell_the_study(run):
    path = run(study_name="digits", plan={"warnings": ["w"]}, imported={"format": "mp-tl-study"})
    attributes = load_results(path).attrs
    assert attributes == {
        "study": "digits",
        "imported": True,
        "plan": {"warnings": ["w"]},
        "latency": {},
        "path": str(path / LEDGER_NAME),
    }


def test_the_ledger_file_does_as_well_as_its_directory(run):
    path = run([_name("c")], [_trial("k", "c")])
    pd.testing.assert_frame_equal(load_results(path), load_results(path / LEDGER_NAME))


@pytest.mark.parametrize("load", [load_results, load_curves, load_probes, load_failures])
def test_a_missing_ledger_is_an_error(tmp_path, load):
    with pytest.raises(LedgerError, match="no ledger at"):
        load(tmp_path)


@pytest.mark.parametrize("load", [load_curves, load_probes, load_failures])
def test_a_ledger_without_rows_gives_an_empty_table_with_columns(run, load):
    table = load(run())
    assert table.empty
    assert "key" in table.columns


def test_curves_have_a_row_an_epoch(run):
    curve = (EpochPoint(1, 0.5, 0.25, 0.75, 0.125), EpochPoint(2, 0.1 + 0.2, 0.5))
    curves = load_curves(run([_name("c")], [_trial("k", "c", 3, curve=curve), _trial("l", "c", 4)]))
    assert list(curves["key"]) == ["k", "k"]
    assert list(curves["replicate"]) == [3, 3]
    assert list(curves["epoch"]) == [1, 2]
    assert list(curves["train_loss"]) == [0.5, 0.1 + 0.2]
    assert curves["validation_accuracy"][0] == 0.125
    assert np.isnan(curves["validation_loss"][1])


def test_probes_have_a_column_a_score(run):
    probe = ProbeRecord("k", "clustering", "s", "conv0", 0.1, 0, "target", "train", {"ari": 0.5})
    other = replace(probe, key="l", probe="knn", scores={"accuracy": 0.75})
    probes = load_probes(run((), [probe, other]))
    assert list(probes["ari"].isna()) == [False, True]
    assert probes["accuracy"][1] == 0.75


def test_a_probe_has_its_name_beside_its_label_or_its_label_where_the_ledger_does_not_tell():
    told = {"knn(neighbours=3)": {"name": "knn", "directions": {"accuracy": "higher"}}}
    untold = {"cka(x=1)": {"kind": "pair", "directions": {"similarity": "higher"}}}
    record = ProbeRecord("k", "knn(neighbours=3)", "s", "conv0", 0.1, 0, "target", "train", {"accuracy": 0.5})
    older = replace(record, probe="cka(x=1)", scores={"similarity": 0.5})
    assert list(probe_table([record, older], told | untold)["name"]) == ["knn", "cka(x=1)"]


def test_failures_of_every_job_are_listed(run):
    failures = load_failures(run([_name("c")], [_failure("f", "c", 2), _failure("g", None, None)]))
    assert list(failures["job"]) == ["transfer", "pretrain"]
    assert failures["replicate"][0] == 2
    assert failures["replicate"].isna()[1]
    assert list(failures["final"]) == [True, True]
