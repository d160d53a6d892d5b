"""`layercut report`."""

from click.testing import CliRunner

from fake_ledger import write_ledger
from fake_results import fake_results
from layercut.cli.report import command


def test_it_prints_the_path_of_the_report(tmp_path):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))
    result = CliRunner().invoke(command, [str(run)])
    assert result.output == f"{run / 'report.html'}\n"
    assert (run / "report.html").exists()


def test_figures_go_where_they_are_asked_for(tmp_path):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))
    folder = tmp_path / "figures"
    result = CliRunner().invoke(command, [str(run), "--figures", str(folder), "--format", "pdf"])
    assert result.exit_code == 0
    printed = result.output.splitlines()
    assert sorted(printed[1:]) == [str(path) for path in sorted(folder.glob("*.pdf"))]
    assert len(printed) > 5


def test_tables_go_where_they_are_asked_for(tmp_path):
    run = write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))
    folder = tmp_path / "tables"
    printed = CliRunner().invoke(command, [str(run), "--tables", str(folder)]).output.splitlines()
    assert sorted(printed[1:]) == [str(path) for path in sorted(folder.iterdir())]


def test_another_format_is_refused(tmp_path):
    assert CliRunner().invoke(command, [str(tmp_path), "--format", "gif"]).exit_code == 2
