"""Datasets of Hugging Face on disk."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import layercut
from layercut.data.cache import load_dataset
from layercut.data.reading import dataset_notes
from layercut.errors import DataError

hub = pytest.importorskip("datasets", reason="datasets is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # of the library's own imports

SHAPE = (8, 10, 3)


def pictures(count, first=0):
    return np.random.default_rng(first).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


def split(count, first=0, label="label", **more):
    """Return a split whose labels alternate."""
    columns = {"image": [Image.fromarray(one) for one in pictures(count, first)], label: [n % 2 for n in range(count)]}
    features = hub.Features({"image": hub.Image(), label: hub.ClassLabel(names=["ant", "bee"])})
    return hub.Dataset.from_dict(columns | more, features=None if more else features)


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Return what reads a path as a study would."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def load(path, **options):
        return load_dataset("huggingface", {"path": str(path), **options}, tmp_path, tmp_path / "cache", download=False)

    return load


def test_splits_classes_and_pixels_are_those_of_the_saved_dataset(tmp_path, loaded):
    parts = {"train": split(8), "test": split(4, 1), "validation": split(6, 2)}
    hub.DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    found = loaded(tmp_path / "saved")
    assert found.class_names == ("ant", "bee")
    assert np.array_equal(found.test.images, pictures(4, 1).transpose(0, 3, 1, 2))
    both = np.concatenate([pictures(8), pictures(6, 2)]).transpose(0, 3, 1, 2)
    assert np.array_equal(found.train.images, both)
    assert found.num_validation == 6


def test_a_dataset_without_splits_gives_up_a_share_of_each_class(tmp_path, loaded):
    split(20).save_to_disk(str(tmp_path / "saved"))
    found = loaded(tmp_path / "saved", test_split=0.4)
    assert (len(found.train.labels), len(found.test.labels)) == (12, 8)


def test_validation_alone_is_the_test_set_and_that_is_said(tmp_path, loaded):
    hub.DatasetDict({"train": split(8), "validation": split(4, 1)}).save_to_disk(str(tmp_path / "saved"))
    assert len(loaded(tmp_path / "saved").test.labels) == 4
    (note,) = dataset_notes("huggingface", {"path": str(tmp_path / "saved")}, tmp_path)
    assert note == "saved: `validation` is the test set"


def test_parquet_files_are_splits_by_their_names(tmp_path, loaded):
    (tmp_path / "files").mkdir()
    split(8).to_parquet(str(tmp_path / "files" / "train-00000-of-00001.parquet"))
    split(4, 1).to_parquet(str(tmp_path / "files" / "test-00000-of-00001.parquet"))
    found = loaded(tmp_path / "files")
    assert np.array_equal(found.test.images, pictures(4, 1).transpose(0, 3, 1, 2))


def test_columns_can_be_named(tmp_path, loaded):
    columns = {
        "photo": [Image.fromarray(one) for one in pictures(8)],
        "mask": [Image.fromarray(one) for one in pictures(8, 1)],
        "kind": ["wasp", "ant"] * 4,
    }
    hub.Dataset.from_dict(columns).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(DataError, match=r"say `image`, a column; got photo, mask of the columns photo, mask, kind"):
        loaded(tmp_path / "saved")
    found = loaded(tmp_path / "saved", image="photo", label="kind")
    assert found.class_names == ("ant", "wasp")


def test_other_folders_are_refused_in_a_line(tmp_path, loaded):
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError, match="expected a folder of `save_to_disk` or Parquet files; got neither"):
        loaded(tmp_path / "other")


def test_an_opened_dataset_is_a_target_in_python(tmp_path, loaded):
    study = layercut.study(model="mlp", source="random", target=split(20))
    task = study.target[0]
    found = load_dataset(task.dataset, task.options, tmp_path, tmp_path / "cache", download=False)
    assert found.class_names == ("ant", "bee")
    assert found.train.images.shape == (16, 3, 8, 10)


def test_several_splits_are_a_target_in_python():
    study = layercut.study(
        model="mlp", source="random", target=hub.DatasetDict({"train": split(8), "test": split(4, 1)})
    )
    assert study.target[0].dataset == "arrays"


def test_a_picture_of_another_mode_is_converted(tmp_path, loaded):
    stream = io.BytesIO()
    Image.fromarray(pictures(1)[0]).convert("P").save(stream, "PNG")
    content = [{"bytes": stream.getvalue(), "path": None}] * 10
    features = hub.Features({"image": hub.Image(), "label": hub.ClassLabel(names=["a", "b"])})
    hub.Dataset.from_dict({"image": content, "label": [0, 1] * 5}, features=features).save_to_disk(
        str(tmp_path / "saved")
    )
    assert loaded(tmp_path / "saved", channels=1, test_split=0.4).train.images.shape[1] == 1
