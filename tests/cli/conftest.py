"""Fixtures of the tests that run the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from layercut.cli.main import main


class Outcome(NamedTuple):
    """What a user sees of a command."""

    code: int
    stdout: str
    stderr: str


Layercut = Callable[..., Outcome]


@pytest.fixture
def layercut(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Layercut:
    """Run `layercut ARGUMENTS...` in this process, through `main`, with lines as long as they come."""
    monkeypatch.setenv("COLUMNS", "1000")

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Outcome(code, captured.out, captured.err)

    return run
