"""`show`, `doctor`, and runs that go on by their own directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from layercut import load_study, run_study
from layercut.cli.checkup import check_up, describe_checkup
from layercut.ledger import Ledger
from layercut.spec import shipped_studies
from support.tiny_study import write_study

Layercut = Callable[..., Any]


@pytest.fixture
def run(layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The output directory of a run that was begun in bfloat16 and has one replicate."""
    monkeypatch.chdir(tmp_path)
    study = write_study(tmp_path)
    given = ("-o", "results/mine", "--set", "transfer.replicates=1", "--set", "transfer.strategies=[scratch]")
    arguments = ("run", study, *given, "--executor", "serial", "--no-report", "--precision", "bf16_eval")
    monkeypatch.setattr("sys.argv", ["layercut", *map(str, arguments)])
    assert layercut(*arguments).code == 0
    study.unlink()
    return Path("results/mine")


def _go_on(layercut: Layercut, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Any:
    everything = ("run", *arguments, "--executor", "serial", "--no-report", "--json")
    monkeypatch.setattr("sys.argv", ["layercut", *map(str, everything)])
    code, stdout, stderr = layercut(*everything)
    assert code == 0, stderr
    return json.loads(stdout)


def test_a_run_goes_on_by_its_own_study_file_in_its_own_directory(
    layercut: Layercut, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads(layercut("status", run, "--json").stdout)["records_hash"]
    again = _go_on(layercut, monkeypatch, run)
    assert (again["output_dir"], again["records_hash"]) == (str(run), before)
    assert not Path("runs").exists()


def test_a_run_that_goes_on_with_more_replicates_is_measured_as_before(
    layercut: Layercut, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _go_on(layercut, monkeypatch, run, "--set", "transfer.replicates=2")
    _go_on(layercut, monkeypatch, run, "--set", "transfer.replicates=3")
    with Ledger(run, read_only=True) as ledger:
        assert {trial.precision for trial in ledger.trials()} == {"bf16_eval"}
        assert {trial.replicate for trial in ledger.trials()} == {0, 1, 2}


def test_a_run_that_was_begun_from_python_is_measured_as_before(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(write_study(tmp_path), ["transfer.strategies=[scratch]", "transfer.replicates=1"])
    run_study(study, tmp_path / "mine", executor="serial", precision="bf16_eval")
    _go_on(layercut, monkeypatch, tmp_path / "mine", "--set", "transfer.replicates=2")
    with Ledger(tmp_path / "mine", read_only=True) as ledger:
        assert {trial.precision for trial in ledger.trials()} == {"bf16_eval"}


def test_a_precision_that_is_given_anew_counts(layercut: Layercut, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _go_on(layercut, monkeypatch, run, "--precision", "float32")
    with Ledger(run, read_only=True) as ledger:
        assert {trial.precision for trial in ledger.trials()} == {"bf16_eval", "float32"}


def test_a_folder_that_is_no_run_is_refused_in_words(layercut: Layercut, tmp_path: Path) -> None:
    code, stdout, stderr = layercut("run", tmp_path)
    assert (code, stdout) == (2, "")
    assert f"{tmp_path} is a folder, but not a run: it lacks the study.yaml" in stderr
    assert f"layercut init {tmp_path}" in stderr


def test_show_prints_a_shipped_study_as_it_is(layercut: Layercut) -> None:
    code, stdout, stderr = layercut("show", "mnist-halves")
    assert (code, stderr) == (0, "")
    assert stdout == shipped_studies()["mnist-halves"].read_text(encoding="utf-8")


def test_show_prints_the_study_of_a_run(layercut: Layercut, run: Path) -> None:
    assert yaml.safe_load(layercut("show", run).stdout)["transfer"]["replicates"] == 1


def test_show_names_the_study_that_was_meant(layercut: Layercut) -> None:
    code, _, stderr = layercut("show", "mnist-halfs")
    assert code == 2
    assert "did you mean 'mnist-halves'?" in stderr


def test_doctor_tells_versions_cores_memory_device_and_folders(layercut: Layercut, tmp_path: Path) -> None:
    code, stdout, stderr = layercut("doctor", "--data-dir", tmp_path)
    assert (code, stderr) == (0, "")
    for word in ("layercut", "python", "torch ", "usable cores", "memory", "trains on", str(tmp_path), "cache", "free"):
        assert word in stdout
    found = json.loads(layercut("doctor", "--json").stdout)
    assert found["cores"] >= 1
    assert {"parquet", "ray", "tensorboard"} <= found["extras"].keys()


def test_doctor_says_how_a_missing_extra_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError, version

    def without_ray(name: str) -> str:
        if name == "ray":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("layercut.cli.checkup.version", without_ray)
    text = describe_checkup(check_up())
    assert "missing: ray, for `layercut run --executor ray`, on many machines: pip install 'layercut[ray]'" in text


def test_doctor_names_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERCUT_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    text = describe_checkup(check_up())
    assert f"problem: the cache folder {tmp_path / 'file'} cannot be written; set LAYERCUT_CACHE" in text
