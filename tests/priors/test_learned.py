"""What a ledger teaches: gains over its own heads on frozen features, on held-out images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from layercut import load_results, run_study
from layercut.errors import UserError
from layercut.executors.serial import SerialExecutor
from layercut.ledger import Ledger
from layercut.priors.error import flattery
from layercut.priors.learned import learned_from, read_rows
from layercut.priors.table import gains_hash, read_gains
from layercut.spec.load import make_study

STUDY = {
    "name": "taught",
    "source": {"random": True},
    "target": {"dataset": "digits", "classes": [3, 4, 5]},
    "model": {"name": "plain_cnn", "depth": 2, "channels": 4, "pool_every": 2},
    "transfer": {
        "strategies": ["scratch", "linear_probe", "freeze_truncate", "finetune", "truncate"],
        "fractions": [0.1, 0.2],
        "replicates": 2,
        "validation": "folds",
        "num_folds": 2,
        "training": {"lr": 1e-2, "epochs": 2},
        "factors": {"rate": {"slow": {"kept_lr_scale": 0.1}, "fast": {"kept_lr_scale": 1.0}}},
    },
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taught") / "run"
    run_study(make_study(STUDY), folder, executor=SerialExecutor(), device="cpu")
    return folder


def test_each_gain_is_held_out_accuracy_less_that_of_the_best_head_on_no_more_blocks(run: Path) -> None:
    table = load_results(run)
    mean = table.groupby(["fraction", "strategy", "cut", "factor_rate"])["validation_accuracy"].mean()
    gains = learned_from([run])
    assert {(gain.strategy, gain.rate) for gain in gains} == {
        (strategy, rate) for strategy in ("finetune", "truncate") for rate in (1e-3, 1e-2)
    }
    assert len(gains) == 2 * 2 * 2  # truncate at the last cut is finetune, at cut 0 nothing of the source is left
    for gain, fraction in zip(sorted(gains, key=lambda one: one.num_images), [0.1] * 4 + [0.2] * 4, strict=True):
        cut = round(2 * gain.left)
        below = max(mean[fraction, "linear_probe", lower].max() for lower in range(cut + 1))
        level = "fast" if gain.rate > 2e-3 else "slow"
        assert gain.gain == pytest.approx(mean[fraction, gain.strategy, cut, level] - below)
        assert gain.num_replicates == 2
        assert gain.num_parameters == table["num_parameters"].max()


def test_what_validation_images_stopped_they_flatter(tmp_path: Path) -> None:
    changes = {"fractions": [0.2], "factors": {}, "validation": "within"}
    transfer = {name: value for name, value in STUDY["transfer"].items() if name != "num_folds"} | changes
    run_study(make_study(STUDY | {"transfer": transfer}), tmp_path / "run", executor=SerialExecutor(), device="cpu")
    mean = load_results(tmp_path / "run").groupby(["strategy", "cut"])["validation_accuracy"].mean()
    (gain,) = [gain for gain in learned_from([tmp_path / "run"]) if gain.strategy == "finetune"]
    below = mean["linear_probe"].max()
    assert gain.gain == pytest.approx(mean["finetune"].iloc[0] - below - flattery(below, gain.num_images))


def test_heads_that_were_trained_alone_count_only_where_none_was_solved(run: Path, tmp_path: Path) -> None:
    assert {arm.strategy for row in read_rows(run) for arm in row.arms if arm.rate is None} == {"linear_probe"}
    strategies = ["freeze_truncate", "finetune"]
    study = STUDY | {"transfer": STUDY["transfer"] | {"strategies": strategies, "fractions": [0.1], "factors": {}}}
    run_study(make_study(study), tmp_path / "other", executor=SerialExecutor(), device="cpu")
    (row,) = read_rows(tmp_path / "other")
    assert {arm.strategy for arm in row.arms if arm.rate is None} == {"freeze_truncate"}


def test_a_study_without_heads_has_nothing_to_learn_from(tmp_path: Path) -> None:
    study = STUDY | {"transfer": STUDY["transfer"] | {"strategies": ["finetune"], "fractions": [0.1], "factors": {}}}
    run_study(make_study(study), tmp_path / "run", executor=SerialExecutor(), device="cpu")
    with pytest.raises(UserError, match=r"run has nothing to learn from: expected a study in which both"):
        learned_from([tmp_path / "run"])


def test_a_ledger_without_its_study_is_refused(tmp_path: Path) -> None:
    with Ledger(tmp_path, create=True):
        pass
    with pytest.raises(UserError, match=r"expected the directory of a study; got a ledger without the study file"):
        learned_from([tmp_path])


def test_two_runs_of_one_name_are_two_studies(run: Path) -> None:
    assert len({gain.study for gain in learned_from([run, run])}) == 2


def test_the_command_writes_the_table_of_some_ledgers(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "gains.csv"
    command = [sys.executable, "-m", "layercut.priors", "build", str(run), "-o", str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    assert gains_hash(read_gains(path)) == gains_hash(learned_from([run]))
    assert "8 gains of 1 study" in told.stdout
