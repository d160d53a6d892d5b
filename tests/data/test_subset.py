from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercut.data import DATASETS, LabelledImages
from layercut.data.cache import load_dataset
from layercut.data.classes import resolve_classes
from layercut.data.reading import parse_options
from layercut.data.subset import restrict, select_task, task_info
from layercut.errors import DataError
from support.fake_datasets import loaded, random_images

NAMES = ("ant", "bee", "cat", "dog")
TRAIN = random_images([0, 1, 2, 3, 0, 1, 2, 3], seed=0)
TEST = random_images([3, 2, 1, 0], seed=1)


def test_labels_follow_the_order_in_which_classes_are_given() -> None:
    task = select_task(loaded(TRAIN, TEST, NAMES), ["dog", 1])
    assert task.class_names == ("dog", "bee")
    assert task.train_index.tolist() == [1, 3, 5, 7]
    assert task.train_labels.tolist() == [1, 0, 1, 0]
    assert task.test_index.tolist() == [0, 2]
    assert task.test_labels.tolist() == [0, 1]
    assert task.num_duplicates_dropped == 0


def test_all_classes_are_kept_where_none_is_named() -> None:
    task = select_task(loaded(TRAIN, TEST, NAMES), None)
    assert task.train_labels.tolist() == TRAIN.labels.tolist()


def _with_copies() -> tuple[LabelledImages, LabelledImages]:
    images = TRAIN.images.copy()
    images[4] = TEST.images[3]  # class 0, equal to a test image of class 0
    images[5] = images[1]  # class 1, a later copy
    return LabelledImages(images, TRAIN.labels), TEST


def test_copies_are_dropped_from_training_and_never_from_test() -> None:
    task = select_task(loaded(*_with_copies(), NAMES), None)
    assert task.train_index.tolist() == [0, 1, 2, 3, 6, 7]
    assert task.num_duplicates_dropped == 2
    assert len(task.test_index) == len(TEST.labels)
    assert task.info("x").train_counts == (1, 1, 2, 2)


def test_test_images_of_other_classes_drop_nothing() -> None:
    images = TRAIN.images.copy()
    images[1] = TEST.images[0]  # class 1 in training equals a test image of class 3
    dataset = loaded(LabelledImages(images, TRAIN.labels), TEST, NAMES)
    assert select_task(dataset, [0, 1]).num_duplicates_dropped == 0
    assert select_task(dataset, [1, 3]).num_duplicates_dropped == 1


def test_a_class_of_copies_only_is_refused() -> None:
    images = TRAIN.images.copy()
    images[[0, 4]] = TEST.images[3]
    with pytest.raises(DataError, match="class 'ant' has no training image that is not a copy"):
        select_task(loaded(LabelledImages(images, TRAIN.labels), TEST, NAMES), None)


@given(
    st.lists(st.integers(0, 3), min_size=30, max_size=60),
    st.lists(st.integers(0, 3), min_size=1, max_size=10),
)
def test_training_contents_are_unique_and_absent_from_test(train_kinds: list[int], test_kinds: list[int]) -> None:
    """Images of four kinds, so that nearly all are copies; checked against sets of bytes."""
    kinds = random_images([0] * 6, seed=3).images
    train_kinds = [4, 5, *train_kinds]
    train = LabelledImages(kinds[train_kinds], np.arange(len(train_kinds), dtype=np.int64) % 2)
    test = LabelledImages(kinds[test_kinds], np.zeros(len(test_kinds), dtype=np.int64))
    task = select_task(loaded(train, test, ("a", "b")), None)
    contents = [train.images[index].tobytes() for index in task.train_index]
    tested = {image.tobytes() for image in test.images}
    assert len(set(contents)) == len(contents)
    assert set(contents) == {image.tobytes() for image in train.images} - tested
    assert task.num_duplicates_dropped == len(train_kinds) - len(contents)


def test_the_fingerprint_sees_content_classes_and_their_order() -> None:
    dataset = loaded(TRAIN, TEST, NAMES)
    other = loaded(TEST, TRAIN, NAMES)
    tasks = [select_task(dataset, [0, 1]), select_task(dataset, [1, 0]), select_task(dataset, [0, 2])]
    assert len({task.fingerprint for task in [*tasks, select_task(other, [0, 1])]}) == 4
    assert select_task(dataset, ["ant", "bee"]).fingerprint == tasks[0].fingerprint


def test_published_counts_give_the_task_without_data() -> None:
    published = DATASETS["mnist"].info(parse_options("mnist", {}))
    assert published is not None
    info = task_info(published, [5, "9"], "mnist[5,9]")
    assert (info.class_names, info.train_counts, info.test_counts) == (("5", "9"), (5421, 5949), (892, 1009))
    assert (info.image_shape, info.num_classes, info.label) == ((1, 28, 28), 2, "mnist[5,9]")


def test_loaded_data_give_the_same_task_as_published_counts(tmp_path: Path) -> None:
    published = DATASETS["digits"].info(parse_options("digits", {}))
    assert published is not None
    digits = load_dataset("digits", {}, tmp_path, tmp_path, False)
    assert task_info(digits, [3, 4], "x") == task_info(published, [3, 4], "x") == select_task(digits, [3, 4]).info("x")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["cta", 1], r"class 'cta' is not in the dataset; its classes are \(index: name\) 0: ant, 1: bee"),
        ([0, 4], "class 4 is not in the dataset; its classes are .*3: dog"),
        ([0, -1], "class -1 is not in the dataset"),
        ([1, "bee"], "each class once; 'bee'"),
        ([1], "at least two classes"),
    ],
)
def test_impossible_classes_are_refused_with_the_known_ones(classes: list[int | str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        resolve_classes(classes, NAMES)


def test_a_wrong_name_among_400_shows_the_nearest_three() -> None:
    names = [f"species {index:03}" for index in range(399)] + ["Quercus robur"]
    with pytest.raises(DataError) as caught:
        resolve_classes(["quercus rubor", 1], names)
    message = str(caught.value)
    assert "its classes are 400, the nearest 'Quercus robur' (index 399), " in message
    assert message.count("(index ") == 3
    with pytest.raises(DataError, match=r"class 400 is not in the dataset; its classes are 0\.\.399$"):
        resolve_classes([1, 400], names)


def test_a_number_is_a_name_where_classes_are_called_by_other_numbers_than_their_indices() -> None:
    assert resolve_classes([10, 1], ("1", "10", "2")) == (1, 0)
    assert resolve_classes(["2", "1"], ("1", "10", "2")) == (2, 0)
    with pytest.raises(DataError, match=r"class 0 is not in the dataset; classes have numbers as names here"):
        resolve_classes([0, 2], ("1", "2", "3"))


def test_a_number_is_an_index_where_no_class_is_called_so() -> None:
    assert resolve_classes([10, 14], [f"{index:05}" for index in range(43)]) == (10, 14)
    assert resolve_classes([7, 3], [str(index) for index in range(10)]) == (7, 3)


def test_the_task_of_classes_that_are_called_by_numbers_opens_again_by_their_indices(tmp_path: Path) -> None:
    digits = load_dataset("digits", {"groups": {"3": [3], "8": [8], "9": [9]}}, tmp_path, tmp_path, False)
    chosen = resolve_classes([9, 3], digits.class_names)
    assert restrict(digits, chosen).class_names == ("9", "3")


def test_both_unicode_forms_of_a_name_are_one() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert resolve_classes([composed, "tea"], ("tea", decomposed)) == (1, 0)


def test_all_of_one_class_is_no_task() -> None:
    with pytest.raises(DataError, match="at least two classes"):
        resolve_classes(None, ("only",))


def test_real_mnist_has_no_copies(shared_data: Path, tmp_path: Path) -> None:
    mnist = load_dataset("mnist", {}, shared_data, tmp_path, False)
    published = DATASETS["mnist"].info(parse_options("mnist", {}))
    assert published is not None
    task = select_task(mnist, [5, 6, 7, 8, 9])
    assert task.info("x") == task_info(published, [5, 6, 7, 8, 9], "x")
