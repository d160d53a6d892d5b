"""The torchvision datasets that have a name of their own: what is known of each before its files are read.

References:
    A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images (2009). CIFAR-100's classes are the fine ones.
    Y. Netzer et al.: Reading Digits in Natural Images with Unsupervised Feature Learning (NIPS workshop, 2011): SVHN,
    in the format of cropped digits.
"""

from __future__ import annotations

from functools import partial

from layercut.data.base import DatasetFormat, DatasetInfo
from layercut.data.raw_files import RawFile
from layercut.data.torchvision_files import TorchvisionDataset, mnist_like, read_cifar, read_svhn

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

MNIST: DatasetFormat = mnist_like(
    "mnist",
    "handwritten digits: 60,000 + 10,000 grey images of 28x28, 10 classes; 12 MB download",
    "MNIST",
    DatasetInfo(
        class_names=tuple(str(digit) for digit in range(10)),
        image_shape=(1, 28, 28),
        train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    archive_md5={
        "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    sha256={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)

FASHION_MNIST: DatasetFormat = mnist_like(
    "fashion_mnist",
    "Zalando's articles: 60,000 + 10,000 grey images of 28x28, 10 classes; 31 MB download",
    "FashionMNIST",
    DatasetInfo(
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        image_shape=(1, 28, 28),
        train_counts=(6000,) * 10,
        test_counts=(1000,) * 10,
    ),
    archive_md5={
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    sha256={},
)  # fmt: skip

KMNIST: DatasetFormat = mnist_like(
    "kmnist",
    "Kuzushiji: cursive Japanese characters, 60,000 + 10,000 grey images of 28x28, 10 classes; 21 MB download",
    "KMNIST",
    DatasetInfo(
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        image_shape=(1, 28, 28),
        train_counts=(6000,) * 10,
        test_counts=(1000,) * 10,
    ),
    archive_md5={
        "train-images-idx3-ubyte": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte": "7320c461ea6c1c855c0b718fb2a4b134",
    },
    sha256={},
)

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

SVHN: DatasetFormat = TorchvisionDataset(
    name="svhn",
    summary="house numbers: 73,257 + 26,032 colour images of 32x32, 10 classes; 246 MB download",
    torchvision_class="SVHN",
    known=DatasetInfo(
        class_names=tuple(str(digit) for digit in range(10)),
        image_shape=(3, 32, 32),
        train_counts=(4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
        test_counts=(1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595),
    ),
    files=(
        RawFile("train_32x32.mat", md5="e26dedcc434d2e4c54c9b2d4a06d8373"),
        RawFile("test_32x32.mat", md5="eb5a983be6a315427106f1b164d9cef3"),
    ),
    archives=(),
    read_split=read_svhn,
    downloads=({"split": "train"}, {"split": "test"}),
)
