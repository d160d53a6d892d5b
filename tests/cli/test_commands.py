"""Every command: quick to start, only what was asked for on stdout, JSON that programs can read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click import Context

from layercut.cli.list_ import KINDS
from layercut.cli.main import COMMANDS
from layercut.cli.main import layercut as group
from support.tiny_study import NUM_TRIALS, write_study

Layercut = Callable[..., Any]

SLOW_IMPORTS = [
    "torch",
    "torchvision",
    "sklearn",
    "scipy",
    "pandas",
    "numpy",
    "rich",
    "pydantic",
    "plotly",
    "matplotlib",
]


def _imported_by(program: str) -> list[str]:
    """Return which of the slow libraries a program has imported at its end."""
    tail = f"\nimport sys; print([name for name in {SLOW_IMPORTS} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program + tail], capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stderr.splitlines()[-1].replace("'", '"'))
    return names


_HELP = """
from layercut.cli.main import main
try:
    main({arguments})
except SystemExit as ended:
    assert ended.code == 0
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def finished(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of a finished study."""
    from layercut import load_study, run_study

    output = tmp_path_factory.mktemp("finished") / "run"
    run_study(load_study(study), output, executor="serial")
    return output


def test_help_imports_nothing_slow() -> None:
    assert _imported_by(_HELP.format(arguments=["--help"])) == []


def test_importing_the_package_imports_nothing_slow() -> None:
    assert _imported_by("import layercut; dir(layercut)") == []


def test_listing_imports_no_torch() -> None:
    assert "torch" not in _imported_by(_HELP.format(arguments=["list"]))


def test_status_and_results_import_no_torch(finished: Path) -> None:
    imported = _imported_by(
        f"import layercut; assert len(layercut.load_results({str(finished)!r}))"
        + _HELP.format(arguments=["status", str(finished)])
    )
    assert "torch" not in imported
    assert "sklearn" not in imported


def test_writing_the_report_imports_no_torch(finished: Path) -> None:
    assert "torch" not in _imported_by(_HELP.format(arguments=["report", str(finished)]))


def test_help_lists_every_command_and_the_exit_codes(layercut: Layercut) -> None:
    code, stdout, stderr = layercut("--help")
    assert (code, stderr) == (0, "")
    assert all(f"  {name} " in stdout for name in COMMANDS)
    assert "Exit codes: 0 all trials finished; 2" in stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(layercut: Layercut, command: str) -> None:
    code, stdout, stderr = layercut(command, "--help")
    assert (code, stderr) == (0, "")
    assert stdout.startswith(f"Usage: layercut {command}")
    assert "--help" in stdout


def test_the_version_is_printed(layercut: Layercut) -> None:
    code, stdout, _ = layercut("--version")
    assert code == 0
    assert stdout.startswith("layercut, version ")


def test_an_unknown_command_is_refused_with_the_nearest_one(layercut: Layercut) -> None:
    code, stdout, stderr = layercut("rnu")
    assert (code, stdout) == (2, "")
    assert "no command 'rnu'; did you mean 'run'?" in stderr


def test_an_unknown_option_is_refused(layercut: Layercut) -> None:
    code, stdout, stderr = layercut("run", "--worker", "2")
    assert (code, stdout) == (2, "")
    assert "--workers" in stderr


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_listed_with_its_options(layercut: Layercut, kind: str) -> None:
    code, stdout, stderr = layercut("list", kind, "--options", "--json")
    assert (code, stderr) == (0, "")
    entries = json.loads(stdout)[kind]
    assert entries
    assert all(entry["summary"] for entry in entries)


def test_everything_is_listed_as_text(layercut: Layercut) -> None:
    code, stdout, stderr = layercut("list")
    assert (code, stderr) == (0, "")
    assert [line.split()[0] for line in stdout.splitlines() if not line.startswith(" ")] == list(KINDS)
    assert "plain_cnn" in stdout
    assert "freeze_reinit" in stdout
    assert "mnist-halves" in stdout


@pytest.mark.parametrize("names", [(), *((name,) for name in COMMANDS), ("data", "download"), ("data", "verify")])
def test_help_fits_80_columns(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command, context = group, Context(group, info_name="layercut")
    for name in names:
        command = command.get_command(context, name)
        context = Context(command, info_name=name, parent=context)
    text = command.get_help(context)
    assert text.startswith(" ".join(["Usage: layercut", *names]))
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_lists_fit_80_columns(layercut: Layercut) -> None:
    _, stdout, _ = layercut("list", "--options")
    assert max(map(len, stdout.splitlines())) <= 80


def test_the_list_of_strategies_says_what_a_trunk_and_a_tail_are(layercut: Layercut) -> None:
    title = layercut("list", "strategies").stdout.splitlines()[0]
    assert title == "strategies (trunk: the blocks below the cut; tail: those above it)"


def test_the_list_of_probes_says_what_they_look_at_and_which_values_are_better(layercut: Layercut) -> None:
    _, stdout, _ = layercut("list", "probes")
    title, *rows = stdout.splitlines()
    assert title == "probes (+: higher should be better, −: lower)"
    starts = [row for row in rows if not row.startswith("   ")]
    about = {row.split()[0]: row.partition(")")[0].split(maxsplit=1)[1] + ")" for row in starts}
    assert about["knn"] == "per cut, labels (+)"
    assert about["sum_of_squares"] == "per cut, labels (−)"
    assert about["leep"] == "per source, labels (+)"
    assert about["cka"] == "per cut, pair (+)"
    entries = json.loads(layercut("list", "probes", "--json").stdout)["probes"]
    assert {"kind", "better"} <= entries[0].keys()


def test_plan_prints_sizes_as_text_and_writes_nothing(
    layercut: Layercut, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = layercut("plan", study)
    assert (code, stderr) == (0, "")
    assert "nominal" in stdout
    assert "distinct" in stdout
    assert "cannot make any of" in stdout
    assert list(tmp_path.iterdir()) == []


def test_plan_in_minutes_once_the_machine_was_measured(
    layercut: Layercut, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAYERCUT_CACHE", str(tmp_path / "cache"))
    before, measured = layercut("plan", study).stdout, layercut("plan", study, "--measure").stdout
    assert "minutes at most on" not in before
    assert "unknown yet: add --measure" in before
    assert "minutes at most on" in measured
    assert "add --measure" not in measured
    told = json.loads(layercut("plan", study, "--json").stdout)["estimated_seconds"]
    assert told["elapsed"] > 0
    assert "minutes at most on" in layercut("plan", study).stdout


def test_plan_as_json_has_trials_merged_trials_and_unreachable_significance(layercut: Layercut, study: Path) -> None:
    code, stdout, stderr = layercut("plan", study, "--json")
    assert (code, stderr) == (0, "")
    plan = json.loads(stdout)
    assert plan["trials_distinct"] == NUM_TRIALS
    assert plan["trials_nominal"] > NUM_TRIALS
    assert [level["kind"] for level in plan["jobs_by_level"]] == ["source", "extract", "transfer"]
    assert all(flops > 0 for flops in plan["estimated_flops"].values())
    assert {row["replicates"] for row in plan["unattainable"]} == {2}


def test_plan_of_a_study_whose_data_are_absent_downloads_nothing(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*arguments: object, **options: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.create_connection", no_network)
    monkeypatch.setattr("socket.getaddrinfo", no_network)
    code, stdout, _ = layercut("plan", "mnist-halves", "--data-dir", tmp_path, "--json")
    assert code == 0
    assert json.loads(stdout)["conditions_nominal"] == 36 * 5
    assert list(tmp_path.iterdir()) == []


def test_run_prints_the_path_of_the_report_and_nothing_else_on_stdout(
    layercut: Layercut, study: Path, tmp_path: Path
) -> None:
    code, stdout, stderr = layercut("run", study, "-o", tmp_path / "run", "--executor", "serial")
    assert (code, stdout) == (0, f"{tmp_path / 'run' / 'report.html'}\n")
    assert f"{NUM_TRIALS} of {NUM_TRIALS} trials finished" in stderr
    assert (tmp_path / "run" / "report.html").is_file()


def test_run_as_json_has_the_same_records_hash_as_status(
    layercut: Layercut, study: Path, finished: Path, tmp_path: Path
) -> None:
    arguments = ("-o", tmp_path / "run", "--executor", "serial", "--no-report", "--json")
    code, stdout, _ = layercut("run", study, *arguments)
    assert code == 0
    ran = json.loads(stdout)
    assert (ran["num_finished"], ran["failed"], ran["report"]) == (NUM_TRIALS, {}, None)
    assert not (tmp_path / "run" / "report.html").exists()
    status = json.loads(layercut("status", finished, "--json").stdout)
    assert (status["study"], status["trials"], status["finished"]) == ("tiny", NUM_TRIALS, NUM_TRIALS)
    assert status["records_hash"] == ran["records_hash"]
    assert len(status["records_hash"]) == 64


def test_status_as_text_says_how_far_the_study_is(layercut: Layercut, finished: Path) -> None:
    code, stdout, stderr = layercut("status", finished)
    assert (code, stderr) == (0, "")
    assert f"tiny: {NUM_TRIALS} of {NUM_TRIALS} trials finished" in stdout


def test_another_seed_gives_another_hash(layercut: Layercut, study: Path, finished: Path, tmp_path: Path) -> None:
    arguments = ("-o", tmp_path / "run", "--executor", "serial", "--no-report", "--json")
    ran = json.loads(layercut("run", study, "--set", "seed=4", *arguments).stdout)
    assert ran["records_hash"] != json.loads(layercut("status", finished, "--json").stdout)["records_hash"]


def test_export_prints_the_files_it_wrote(layercut: Layercut, finished: Path, tmp_path: Path) -> None:
    code, stdout, stderr = layercut("export", finished, "--format", "csv", "-o", tmp_path)
    assert (code, stderr) == (0, "")
    assert stdout == f"{tmp_path / 'results.csv'}\n{tmp_path / 'sources.csv'}\n"
    assert all(Path(line).is_file() for line in stdout.splitlines())


def test_report_prints_the_page_and_the_figures(layercut: Layercut, finished: Path, tmp_path: Path) -> None:
    code, stdout, stderr = layercut("report", finished, "--figures", tmp_path)
    assert code == 0
    assert "At 10 % of the data: " in stderr
    long = [line.strip() for line in stderr.splitlines() if len(line) > 80]
    assert all(line.startswith("`layercut export-model /") for line in long), "a command with a path is never broken"
    page, *figures = stdout.splitlines()
    assert page == str(finished / "report.html")
    assert {Path(figure) for figure in figures} == set(tmp_path.iterdir())
    assert figures


@pytest.mark.parametrize(("given", "expected"), [("0", "at least 1|>=1"), ("x", "integer")])
def test_an_impossible_number_of_workers_is_refused(layercut: Layercut, given: str, expected: str) -> None:
    import re

    code, stdout, stderr = layercut("run", "--workers", given)
    assert (code, stdout) == (2, "")
    assert re.search(expected, stderr)


def test_an_impossible_size_is_refused_with_an_example(layercut: Layercut) -> None:
    code, stdout, stderr = layercut("run", "--memory", "much")
    assert (code, stdout) == (2, "")
    assert "expected a size such as 500M or 4G; got 'much'" in stderr
