"""CIFAR-10 and CIFAR-100, through torchvision.

Reference:
    A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images (2009). CIFAR-100's classes are the fine ones.
"""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import numpy as np

from layercut.data.base import DatasetFormat, DatasetInfo, RawImages
from layercut.data.raw_files import RawFile
from layercut.data.vision import TorchvisionDataset

_HUNDRED = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""


def read_cifar(torchvision_class: str, data_dir: Path, train: bool) -> RawImages:
    """Read the batches of one split through torchvision, which unpickles them: their checksums were compared."""
    import torchvision.datasets  # noqa: PLC0415 - imports torch: only where data are read

    with warnings.catch_warnings():
        # The files were pickled by NumPy 1.x with an integer where NumPy 2.4 wants a boolean.
        warnings.simplefilter("ignore", np.exceptions.VisibleDeprecationWarning)
        cifar = getattr(torchvision.datasets, torchvision_class)(root=data_dir, train=train)
    images = np.ascontiguousarray(cifar.data.transpose(0, 3, 1, 2))
    return RawImages(images, np.asarray(cifar.targets, dtype=np.int64))


CIFAR10: DatasetFormat = TorchvisionDataset(
    name="cifar10",
    summary="objects: 50,000 + 10,000 colour images of 32x32, 10 classes; 170 MB download",
    torchvision_class="CIFAR10",
    known=DatasetInfo(
        class_names=(
            "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
        ),
        image_shape=(3, 32, 32),
        train_counts=(5000,) * 10,
        test_counts=(1000,) * 10,
    ),
    files=tuple(
        RawFile(f"cifar-10-batches-py/{name}", md5=md5)
        for name, md5 in {
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
            "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
        }.items()
    ),
    archives=(RawFile("cifar-10-python.tar.gz", md5="c58f30108f718f92721af3b95e74349a"),),
    read_split=partial(read_cifar, "CIFAR10"),
)  # fmt: skip

CIFAR100: DatasetFormat = TorchvisionDataset(
    name="cifar100",
    summary="objects: 50,000 + 10,000 colour images of 32x32, 100 classes; 169 MB download",
    torchvision_class="CIFAR100",
    known=DatasetInfo(
        class_names=tuple(_HUNDRED.split()),
        image_shape=(3, 32, 32),
        train_counts=(500,) * 100,
        test_counts=(100,) * 100,
    ),
    files=tuple(
        RawFile(f"cifar-100-python/{name}", md5=md5)
        for name, md5 in {
            "train": "16019d7e3df5f24257cddd939b257f8d",
            "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
            "meta": "7973b15100ade9c7d40fb424638fde48",
        }.items()
    ),
    archives=(RawFile("cifar-100-python.tar.gz", md5="eb9058c3a382ffc7106e4002c42a8d85"),),
    read_split=partial(read_cifar, "CIFAR100"),
)
