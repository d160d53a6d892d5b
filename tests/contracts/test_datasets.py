"""What every registered dataset keeps to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from layercut.data import DATASETS, DownloadableDataset
from layercut.data.cache import load_dataset
from layercut.data.cache_entry import open_cached
from layercut.data.reading import known_info, parse_options, parse_view
from layercut.data.subset import select_task
from layercut.errors import DataError, SpecError, UnknownNameError

_REQUIRED = {
    "folder": {"path": "no-such-folder"},
    "arrays": {"path": "no-such-folder"},
    "huggingface": {"path": "no-such-folder"},
}
_BUNDLED = ["digits"]


def _options(name: str) -> BaseModel:
    return parse_options(name, _REQUIRED.get(name, {}))


@pytest.mark.parametrize("name", DATASETS.names())
def test_a_dataset_has_one_line_of_summary(name: str) -> None:
    assert DATASETS[name].summary
    assert "\n" not in DATASETS[name].summary


@pytest.mark.parametrize("name", DATASETS.names())
def test_an_unknown_option_is_refused_with_the_legal_ones(name: str, tmp_path: Path) -> None:
    options = {**_REQUIRED.get(name, {}), "image_sise": 3}
    with pytest.raises(SpecError, match=r"`image_sise`: unknown key.*dataset, classes"):
        load_dataset(name, options, tmp_path, tmp_path, False)


@pytest.mark.parametrize("name", DATASETS.names())
def test_every_option_is_described(name: str) -> None:
    assert all(field.description for field in DATASETS[name].options.model_fields.values())


@pytest.mark.parametrize("name", DATASETS.names())
def test_what_is_known_beforehand_has_a_count_for_each_class(name: str) -> None:
    info = DATASETS[name].info(_options(name))
    if info is not None:
        assert len(info.class_names) == len(set(info.class_names)) == len(info.train_counts) == len(info.test_counts)
        assert all(length > 0 for length in info.image_shape)


@pytest.mark.parametrize("name", DATASETS.names())
def test_what_is_known_beforehand_follows_size_channels_and_groups(name: str) -> None:
    info = known_info(name, _REQUIRED.get(name, {}))
    if info is None:
        return
    first, last = info.class_names[0], info.class_names[-1]
    keys = {"image_size": [40, 44], "channels": 3, "groups": {"one": [last], "other": [first, 1]}, "variant": "noise"}
    seen = known_info(name, {**_REQUIRED.get(name, {}), **keys})
    assert seen is not None
    assert seen.image_shape == (3, 40, 44)
    assert seen.class_names == ("one", "other")
    assert seen.train_counts == (info.train_counts[-1], info.train_counts[0] + info.train_counts[1])


@pytest.mark.parametrize("name", DATASETS.names())
def test_keys_of_every_dataset_are_legal_and_checked(name: str) -> None:
    options = {**_REQUIRED.get(name, {}), "variant": "structured_noise", "image_size": 9, "resize": "pad"}
    parse_options(name, options)
    assert parse_view(name, options).variant == "structured_noise"
    with pytest.raises(SpecError, match="`resize`"):
        parse_options(name, {**options, "resize": "squeeze"})
        parse_view(name, {**options, "resize": "squeeze"})


@pytest.mark.parametrize("name", [name for name in DATASETS if name not in _BUNDLED])
def test_absent_files_have_no_identity_and_cannot_be_read_without_download(name: str, tmp_path: Path) -> None:
    assert DATASETS[name].files_key(_options(name), tmp_path) is None
    with pytest.raises(DataError):
        load_dataset(name, _REQUIRED.get(name, {}), tmp_path / "data", tmp_path / "cache", False)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", [name for name in DATASETS if isinstance(DATASETS[name], DownloadableDataset)])
def test_a_downloadable_dataset_says_which_files_are_missing(name: str, tmp_path: Path) -> None:
    dataset = DATASETS[name]
    assert isinstance(dataset, DownloadableDataset)
    checks = dataset.verify(tmp_path)
    assert checks
    assert {check.status for check in checks} == {"missing"}
    with pytest.raises(DataError, match=f"layercut data download {name}"):
        dataset.read(_options(name), tmp_path, False)


@pytest.mark.parametrize("name", _BUNDLED)
def test_loaded_counts_are_those_known_beforehand(name: str, tmp_path: Path) -> None:
    loaded = load_dataset(name, {}, tmp_path, tmp_path, False)
    assert loaded.info() == DATASETS[name].info(_options(name))
    assert open_cached(loaded.folder).fingerprint == loaded.fingerprint
    assert select_task(loaded, None).num_classes == len(loaded.class_names)


def test_an_unknown_dataset_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'mnist'"):
        load_dataset("mnits", {}, tmp_path, tmp_path, False)


def test_planning_without_data_imports_neither_torch_nor_torchvision() -> None:
    program = (
        "import sys; from layercut.data import DATASETS; import layercut.data.cache, layercut.data.subset\n"
        "import layercut.data.splits, layercut.data.reading; [DATASETS[name].summary for name in DATASETS]\n"
        "print(sorted({'torch', 'torchvision', 'sklearn'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"
