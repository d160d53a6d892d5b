"""Datasets by name; each becomes labelled images. Nothing here imports torch.

`cache.load_dataset` reads one, `subset.select_task` restricts it to classes, `splits.sample_split` draws
from it.
"""

from layercut.data.base import (
    DatasetFormat,
    DatasetInfo,
    DownloadableDataset,
    FileCheck,
    LabelledImages,
    RawDataset,
)
from layercut.registry import Entry, Registry

DATASETS: Registry[DatasetFormat] = Registry(
    "dataset",
    {
        "digits": Entry("layercut.data.digits:DIGITS", "scikit-learn's 8x8 digits, no download"),
        "mnist": Entry("layercut.data.vision:MNIST", "handwritten digits, 28x28 grey"),
        "fashion_mnist": Entry("layercut.data.vision:FASHION_MNIST", "articles of clothing, 28x28 grey"),
        "cifar10": Entry("layercut.data.vision:CIFAR10", "ten classes of objects, 32x32 colour"),
        "folder": Entry("layercut.data.folder:FOLDER", "your own images: root/{train,test}/CLASS/* or root/CLASS/*"),
    },
)

__all__ = [
    "DATASETS",
    "DatasetFormat",
    "DatasetInfo",
    "DownloadableDataset",
    "FileCheck",
    "LabelledImages",
    "RawDataset",
]
