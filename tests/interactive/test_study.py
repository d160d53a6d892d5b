"""What a notebook user tries: modules, arrays, datasets and names become a study, or an error that points the way."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

import layercut
from layercut.data.cache import load_dataset
from layercut.errors import DataError, LayercutError, SpecError
from layercut.spec import StudySpec
from support import given_models

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 3, 12, 14), dtype=np.uint8)
LABELS = np.arange(20) % 2


class Pictures(Dataset):
    """Pictures of Pillow with labels, and names of classes."""

    classes = ("ant", "bee")

    def __init__(self, sizes=((14, 12),)):
        self.sizes = sizes

    def __len__(self):
        return 20

    def __getitem__(self, index):
        image = Image.fromarray(IMAGES[index].transpose(1, 2, 0))
        return image.resize(self.sizes[index % len(self.sizes)]), index % 2


class Restless(Pictures):
    """Another image at every reading."""

    def __getitem__(self, index):
        return np.random.default_rng().integers(0, 256, (3, 8, 8), dtype=np.uint8), 0


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERCUT_CACHE", str(tmp_path / "cache"))


def study(target, **more) -> StudySpec:
    return layercut.study(**{"model": "mlp", "source": "random", "target": target, **more})


def loaded(target, tmp_path):
    task = study(target).target[0]
    return load_dataset(task.dataset, task.options, tmp_path, tmp_path / "cache", download=False)


def images_of(dataset):
    """Return all images of a loaded dataset, in an order of their own."""
    every = np.concatenate([dataset.train.images, dataset.test.images])
    return every[np.lexsort(every.reshape(len(every), -1).T)]


@pytest.mark.parametrize(
    "target",
    [
        (IMAGES, LABELS),
        [IMAGES, LABELS.tolist()],
        (torch.from_numpy(IMAGES), torch.from_numpy(LABELS)),
        (IMAGES.transpose(0, 2, 3, 1), LABELS),
        ((IMAGES / 255).astype(np.float32), LABELS.astype(float)),
        (list(IMAGES), LABELS),
        (IMAGES.astype(np.int64), LABELS[:, None]),
        TensorDataset(torch.from_numpy(IMAGES).float() / 255, torch.from_numpy(LABELS)),
        Pictures(),
        Subset(Pictures(), range(20)),
        {"images": IMAGES, "labels": LABELS},
        {"train": Pictures()},
    ],
)  # fmt: skip
def test_images_in_every_form_are_the_same_images(target, tmp_path):
    dataset = loaded(target, tmp_path)
    assert np.array_equal(images_of(dataset), images_of(loaded((IMAGES, LABELS), tmp_path)))
    assert sorted(np.bincount(dataset.train.labels)) == [8, 8]


def test_grey_images_have_one_channel(tmp_path):
    assert loaded((IMAGES[:, 0], LABELS), tmp_path).train.images.shape == (16, 1, 12, 14)


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ((IMAGES, np.where(LABELS, "wasp", "ant")), ("ant", "wasp")),
        ((IMAGES, LABELS * 7), ("0", "7")),
        (Pictures(), ("ant", "bee")),
        (Subset(Pictures(), range(20)), ("ant", "bee")),
        ({"images": IMAGES, "labels": LABELS, "class_names": ["x", "y"]}, ("x", "y")),
        ({"images": IMAGES, "labels": np.where(LABELS, "b", "a"), "class_names": ["b", "a"]}, ("b", "a")),
    ],
)
def test_classes_are_called_as_the_labels_or_the_dataset_call_them(target, names, tmp_path):
    assert loaded(target, tmp_path).class_names == names


def test_test_and_validation_images_of_ones_own_stay_what_they_are(tmp_path):
    target = {
        "images": IMAGES[:12], "labels": LABELS[:12], "test_images": IMAGES[12:16], "test_labels": LABELS[12:16],
        "validation": (IMAGES[16:], LABELS[16:]),
    }  # fmt: skip
    dataset = loaded(target, tmp_path)
    assert np.array_equal(dataset.test.images, IMAGES[12:16])
    assert np.array_equal(dataset.train.images, np.concatenate([IMAGES[:12], IMAGES[16:]]))
    assert dataset.num_validation == 4


def test_pictures_of_many_sizes_get_the_size_that_is_said(tmp_path):
    target = {"train": Pictures(sizes=((14, 12), (20, 20))), "image_size": [8, 10]}
    assert loaded(target, tmp_path).train.images.shape[1:] == (3, 8, 10)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (IMAGES, r"expected images with their labels, \(target=\(images, labels\)\); got images alone"),
        ((IMAGES, LABELS[:5]), "expected as many labels as images; got 5 and 20"),
        ((IMAGES, np.eye(2)[LABELS]), r"labels of shape \(20, 2\): write labels.argmax\(1\)"),
        ((IMAGES, LABELS + 0.5), "labels as whole numbers or texts; got float64"),
        ((IMAGES * 1.0, LABELS), r"bytes in 0..255 or as floats in 0..1; got float64 in 0..255: scale them"),
        ((IMAGES / 255 - 0.5, LABELS), "undo their normalisation: layercut scales pixels itself"),
        ((IMAGES[:, :2], LABELS), r"one channel or three, first or last; got images of shape \(20, 2, 12, 14\)"),
        ((IMAGES[..., :3], LABELS), "whose channels may come first or last"),
        ((IMAGES.reshape(20, -1), LABELS), r"\(n, height, width\); got \(20, 504\): reshape them"),
        (([IMAGES[0], IMAGES[1][:, :8]], [0, 1]), "expected images of one shape"),
        (DataLoader(Pictures()), "pass its dataset, `loader.dataset`"),
        (Pictures(sizes=((14, 12), (20, 20))), "say a size, such as target="),
        (Restless(), "item 0 is another image at every reading: remove random transforms"),
        ({"test": (IMAGES, LABELS), "train": None}, "expected training images; got 'test' alone"),
        ({"images": IMAGES}, "expected labels too, as 'labels'"),
        ({"images": IMAGES, "labels": LABELS, "class_names": ["x"]}, r"labels among 0..0.*; got 1"),
        (7, "target: expected images and labels .* got a int"),
        ("photos/that/are/not", "target: no folder photos/that/are/not"),
    ],
)
def test_what_cannot_be_a_target_is_refused_with_the_way_that_works(target, told):
    with pytest.raises(LayercutError, match=told):
        study(target)


def test_a_name_that_is_no_dataset_is_answered_with_the_nearest_one(tmp_path):
    with pytest.raises(LayercutError, match=r"did you mean 'digits'"):
        layercut.run(study("digit"), tmp_path / "run")


def test_a_folder_and_a_name_stand_for_what_they_are(tmp_path):
    assert study("digits").target[0].dataset == "digits"
    folder = study(tmp_path).target[0]
    assert (folder.dataset, folder.options["path"]) == ("folder", str(tmp_path))


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_a_table_stands_for_its_images(name, tmp_path):
    (tmp_path / name).touch()
    for given in (tmp_path / name, str(tmp_path / name)):
        table = study(given).target[0]
        assert (table.dataset, table.options["path"]) == ("folder", str(tmp_path / name))


def test_keys_of_a_study_are_keywords_those_of_transfer_too():
    made = study("digits", fractions=[0.1], training={"epochs": 3}, seed=4, transfer={"replicates": 2}, name="mine")
    assert (made.transfer.fractions, made.transfer.training.epochs, made.transfer.replicates) == ([0.1], 3, 2)
    assert (made.seed, made.name) == (4, "mine")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"fraction": [0.1]}, "fraction: no key of a study; did you mean 'fractions'"),
        ({"cuts": [0], "transfer": {"cuts": [1]}}, "cuts: expected it once, here or in `transfer`"),
        ({"source": "weights.pth"}, "source: no file weights.pth"),
        ({"source": None}, "source: expected where the weights of mlp come from: source='weights.pth'"),
        ({"model": 7}, "model: expected an nn.Module, the name of a model .* got a int"),
        ({"model": given_models.Net}, r"Net does not take image_shape; expected an instance, Net\(\), in place"),
        ({"model": lambda image_shape, num_classes: None}, r"other processes cannot import .*write it into a file"),
    ],
)  # fmt: skip
def test_a_slip_is_answered_with_what_works(more, told):
    with pytest.raises(SpecError, match=told):
        study("digits", **more)


def test_a_function_is_a_factory_by_its_name():
    assert study("digits", model=given_models.make).model[0].options["factory"] == "support.given_models:make"


def test_the_weights_of_a_module_are_its_source():
    made = layercut.study(model=given_models.Net(), target="digits")
    assert made.source[0].checkpoint.is_file()
    assert made.model[0].label == "Net"


def test_the_weights_that_a_library_publishes_are_the_source_of_its_model():
    assert layercut.study(model="timm/resnet18", target="digits").source[0].weights == "DEFAULT"


def test_pixels_are_scaled_as_timm_has_written_into_the_model():
    model = timm.create_model("test_efficientnet")
    assert layercut.study(model=model, target="digits").normalization.mean == list(model.pretrained_cfg["mean"])


def test_a_wrapped_module_is_taken_out_of_its_wrapper():
    made = layercut.study(model=nn.DataParallel(given_models.Net()), target="digits")
    assert made.model[0].label == "Net"


def test_the_blocks_of_a_module_can_be_named():
    made = layercut.study(model={"module": given_models.Net(), "blocks": ["conv2"]}, target="digits")
    assert made.model[0].options["blocks"] == ["conv2"]


def test_equal_arrays_are_kept_once(tmp_path):
    paths = {study((IMAGES.copy(), LABELS)).target[0].options["path"] for _ in range(2)}
    assert len(paths) == 1
    with pytest.raises(DataError, match=r"give the images to `layercut.study` again"):
        load_dataset("arrays", {"path": str(tmp_path)}, tmp_path, tmp_path / "cache", download=False)
