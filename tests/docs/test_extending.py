"""The package of the page on extending does what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from layercut import load_results
from support.tiny_study import write_study

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
RUN = "from layercut.cli.main import main; main()"


@pytest.mark.slow
def test_a_strategy_of_another_package_is_listed_and_run(tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    (module,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (points,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    group, line = re.fullmatch(r'\[project\.entry-points\."(.*)"\]\n(.*)\n', points).groups()
    installed = tmp_path / "site"
    (installed / "shrink-1.0.dist-info").mkdir(parents=True)
    (installed / "shrink.py").write_text(module, encoding="utf-8")
    (installed / "shrink-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: shrink\nVersion: 1.0\n")
    (installed / "shrink-1.0.dist-info" / "entry_points.txt").write_text(f"[{group}]\n{line}\n".replace('"', ""))
    path = os.pathsep.join([str(installed), *filter(None, [os.environ.get("PYTHONPATH")])])

    def layercut(*arguments):
        command = [sys.executable, "-c", RUN, *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert re.search(r"shrink +from shrink", layercut("list", "strategies"))
    changes = ["transfer.strategies=[scratch, finetune, shrink]", "transfer.fractions=[0.3]", "transfer.replicates=1"]
    options = [word for change in changes for word in ("--set", change)]
    layercut("run", write_study(tmp_path), "-o", tmp_path / "run", "--executor", "serial", "--no-report", *options)
    shrunk = load_results(tmp_path / "run").query("strategy == 'shrink'")
    assert shrunk["status"].tolist() == ["finished"] * 3
    assert shrunk["merged"].tolist() == [False, False, True]  # at the last cut it is finetune
