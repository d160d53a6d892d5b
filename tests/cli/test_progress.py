"""What a run shows of its progress."""

import io
import os
import signal

import pytest
from rich.console import Console

from layercut.cli import main as command_line
from layercut.cli import show
from layercut.cli.progress_lines import LineProgress
from layercut.cli.show import BarProgress, run_progress
from layercut.records import FailureRecord
from layercut.runner.progress import Pace


class Lines(list[str]):
    """Lines that were written, by a clock that stands until it is set."""

    now = 0.0

    def of(self, study: str) -> LineProgress:
        return LineProgress(study, self.append, lambda: self.now)


def test_without_a_terminal_each_tenth_of_the_work_is_a_line_with_the_time_left():
    lines = Lines()
    progress = lines.of("mine")
    progress.begin("trials", num_jobs=100, work=1000)
    for _ in range(100):
        lines.now += 0.5
        progress.advance(10)
    progress.end()
    assert len(lines) == 1 + 9 + 1
    assert lines[0] == "mine: trials: 100 jobs"
    assert lines[1] == "mine: trials: 10 of 100 jobs after 0:00:05, about 0:00:45 left"
    assert lines[-1] == "mine: trials: done in 0:00:50"


def test_a_large_job_counts_as_one_job_and_its_work_tells_the_time_left():
    lines = Lines()
    progress = lines.of("mine")
    progress.begin("trials", num_jobs=4, work=100)
    lines.now = 77.0
    progress.advance(77)
    assert lines[-1] == "mine: trials: 1 of 4 jobs after 0:01:17, about 0:00:23 left"


def test_a_minute_without_a_line_is_one():
    lines = Lines()
    progress = lines.of("mine")
    progress.begin("sources", num_jobs=1, work=1)
    for lines.now in (30.0, 61.0, 90.0, 122.0):
        progress.tick()
    assert lines[1:] == ["mine: sources: 0 of 1 jobs after 0:01:01", "mine: sources: 0 of 1 jobs after 0:02:02"]


def test_failures_are_counted_in_lines():
    lines = Lines()
    progress = lines.of("mine")
    progress.begin("trials", num_jobs=2, work=2)
    progress.record(FailureRecord("k", "transfer", "c", 0, "error", "why"))
    progress.advance(1)
    progress.end()
    assert lines[1].endswith(", 1 failed")
    assert lines[2] == "mine: trials: done in 0:00:00, 1 failed"


def test_lines_stop_with_the_run():
    with LineProgress("mine", Lines().append) as progress:
        watch = progress._watch
    assert not watch.is_alive()


def test_a_file_gets_lines_and_a_terminal_bars(monkeypatch):
    assert isinstance(run_progress("mine"), LineProgress)
    monkeypatch.setattr(show.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert isinstance(run_progress("mine"), BarProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(run_progress("mine"), LineProgress)


def test_the_bar_is_as_long_as_the_share_of_jobs_beside_it():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with BarProgress("mine", console) as progress:
        progress.begin("trials", num_jobs=4, work=100)
        progress.advance(77)
        (bar,) = progress._bars.tasks
        assert bar.percentage == 25
    assert "1 of 4 jobs" in console.file.getvalue()


def test_no_line_fills_the_terminal_so_that_an_echoed_interrupt_wraps_none(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert show._NarrowConsole(file=io.StringIO(), force_terminal=True).width == 80 - 8


def test_a_second_interrupt_while_the_bar_is_taken_down_changes_nothing(monkeypatch):
    progress = BarProgress("mine", Console(file=io.StringIO(), force_terminal=True))
    stop, stopped = progress._bars.stop, []

    def interrupted_stop():
        os.kill(os.getpid(), signal.SIGINT)
        stop()
        stopped.append(True)

    monkeypatch.setattr(progress._bars, "stop", interrupted_stop)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="first"), progress:
        progress.begin("trials", 1, 1)
        raise KeyboardInterrupt("first")
    assert stopped == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_at_the_end_leaves_one_message_and_the_exit_code(monkeypatch, capsys):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "layercut", type("Fake", (), {"main": staticmethod(interrupted)}))
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended:
            command_line.main([])
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 130
    assert capsys.readouterr().err.count("interrupted") == 1


def test_time_left_runs_down_between_jobs():
    pace = Pace(num_jobs=10, work=10, now=0.0)
    assert pace.seconds_left(now=3.0) is None
    pace.advance(1, now=10.0)
    assert [pace.seconds_left(now) for now in (10.0, 40.0, 1000.0)] == [90.0, 60.0, 0.0]
