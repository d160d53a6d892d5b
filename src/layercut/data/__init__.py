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
        "mnist": Entry("layercut.data.torchvision_table:MNIST", "handwritten digits, 28x28 grey"),
        "fashion_mnist": Entry("layercut.data.torchvision_table:FASHION_MNIST", "articles of clothing, 28x28 grey"),
        "kmnist": Entry("layercut.data.torchvision_table:KMNIST", "cursive Japanese characters, 28x28 grey"),
        "cifar10": Entry("layercut.data.torchvision_table:CIFAR10", "ten classes of objects, 32x32 colour"),
        "cifar100": Entry("layercut.data.torchvision_table:CIFAR100", "a hundred classes of objects, 32x32 colour"),
        "svhn": Entry("layercut.data.torchvision_table:SVHN", "digits of house numbers, 32x32 colour"),
        "pets": Entry("layercut.data.pets:PETS", "37 breeds of cats and dogs, colour photographs of any size"),
        "folder": Entry("layercut.data.folder:FOLDER", "your own images: root/{train,test}/CLASS/* or root/CLASS/*"),
        "huggingface": Entry(
            "layercut.data.huggingface:HUGGING_FACE", "a dataset of Hugging Face on disk: save_to_disk or Parquet files"
        ),
        "arrays": Entry(
            "layercut.data.arrays:ARRAYS", "images and labels from Python, as layercut.study(target=...) keeps them"
        ),
    },
    collections={
        "torchvision": Entry(
            "layercut.data.torchvision_sets:TORCHVISION_SETS",
            "any other classification set of torchvision by its class, such as torchvision/STL10",
        ),
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
