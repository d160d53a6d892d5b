"""Fixtures of the tests of datasets."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    """Folder for decoded datasets."""
    return tmp_path / "cache"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Folder for raw files; absent at first."""
    return tmp_path / "data"
