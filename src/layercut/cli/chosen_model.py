"""The model that a command uses: kept by the run, or trained again for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from layercut.cli.columns import filled
from layercut.cli.terminal import say

if TYPE_CHECKING:
    from layercut.inference import KeptModel


def chosen_model(run: Path, condition: Mapping[str, str], data_dir: Path | None = None) -> KeptModel:
    """Return the model to use and say which; where the run kept none of its weights, it is trained again, first.

    Raises:
        UserError, CheckpointError, DataError: as of `find_model` and `refit`.
    """
    from layercut.inference import find_model

    def train(key: str) -> None:
        from layercut.cli.resume import options_of
        from layercut.cli.run import command
        from layercut.cli.show import run_progress
        from layercut.runner.refit import refit

        say("its weights were not kept: training it again, with the same result", err=True)
        with run_progress(run.name) as progress:
            refit(run, key, data_dir=data_dir, progress=progress, **options_of(run, command, sys.argv[1:]))

    chosen = find_model(run, condition, train)
    say(filled(f"{chosen.title}: {chosen.why} ({chosen.folder})", hanging="  "), err=True)
    return chosen
