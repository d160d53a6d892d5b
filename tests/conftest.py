"""Fixtures that several test packages use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.photo_run import write_photos


def _shared(name: str) -> Path:
    root = Path(os.environ.get("LAYERCUT_TEST_DATA", Path(__file__).parents[2] / "shared"))
    folder = root / name
    if not folder.is_dir():
        pytest.skip(f"real {name} not present; set LAYERCUT_TEST_DATA to the folder that holds `{name}/`")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with MNIST in torchvision's layout and CIFAR-10 as JPEG files; the test is skipped without it."""
    return _shared("data")


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder with result files and weights of published studies; the test is skipped without it."""
    return _shared("samples")


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Decoded datasets lie in a folder of the tests, in this process and in those it starts."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERCUT_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of small photographs, for `support.photo_run`."""
    root = tmp_path_factory.mktemp("photos")
    write_photos(root)
    return root
