"""The layering is a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_data_flows_one_way():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    answer = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
