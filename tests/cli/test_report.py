"""`layercut report`."""

import errno
from pathlib import Path

import pytest
from click.testing import CliRunner

from layercut.cli.main import EXIT_USER_ERROR
from layercut.cli.report import command
from layercut.errors import UserError
from layercut.report import write_figures
from support.fake_ledger import write_ledger
from support.fake_results import fake_results


def test_it_prints_the_path_of_the_report(tmp_path):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))
    result = CliRunner().invoke(command, [str(run)])
    assert result.stdout == f"{run / 'report.html'}\n"
    assert (run / "report.html").exists()


def test_figures_go_where_they_are_asked_for(tmp_path):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))
    folder = tmp_path / "figures"
    result = CliRunner().invoke(command, [str(run), "--figures", str(folder), "--format", "pdf"])
    assert result.exit_code == 0
    printed = result.stdout.splitlines()
    assert sorted(printed[1:]) == [str(path) for path in sorted(folder.glob("*.pdf"))]
    assert len(printed) > 5


def test_tables_go_where_they_are_asked_for(tmp_path):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))
    folder = tmp_path / "tables"
    printed = CliRunner().invoke(command, [str(run), "--tables", str(folder)]).stdout.splitlines()
    assert sorted(printed[1:]) == [str(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("option", ["--figures", "--tables"])
def test_a_folder_that_cannot_be_made_is_refused_before_the_report_is_written(tmp_path, layercut, option):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))
    (tmp_path / "file").touch()
    done = layercut("report", run, option, tmp_path / "file" / "x")
    assert (done.code, done.stdout) == (EXIT_USER_ERROR, "")
    assert f"{tmp_path / 'file'} is a file, not a folder" in done.stderr
    assert not (run / "report.html").exists()


def test_a_folder_in_the_place_of_the_report_is_refused_in_one_line(tmp_path, layercut):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))
    (run / "report.html").mkdir()
    done = layercut("report", run)
    assert (done.code, done.stdout) == (EXIT_USER_ERROR, "")
    assert "report.html: it is a folder; move it away" in done.stderr
    assert [path.name for path in run.iterdir() if "part" in path.name] == []


def test_figures_that_the_system_refuses_end_in_one_line(tmp_path, monkeypatch):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))

    def refuse(*given, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="figures: Permission denied; choose another path"):
        write_figures(run, tmp_path / "figures")


def test_another_format_is_refused(tmp_path):
    assert CliRunner().invoke(command, [str(tmp_path), "--format", "gif"]).exit_code == 2
