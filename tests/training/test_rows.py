"""Rows of large arrays are the same wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercut.training import batches
from layercut.training.batches import Normalization, PixelInputs
from layercut.training.rows import MappedRows, ResidentArrays, ResidentRows, open_rows

CPU = torch.device("cpu")


@pytest.fixture
def mapped(tmp_path):
    """A read-only array in a file, 480 bytes."""

    def make(name):
        np.save(tmp_path / name, np.random.default_rng(0).integers(0, 256, (10, 3, 4, 4), dtype=np.uint8))
        return np.load(tmp_path / f"{name}.npy", mmap_mode="r")

    return make


def test_resident_rows_are_the_mapped_ones(mapped):
    values = mapped("images")
    resident = ResidentArrays(10_000).rows(values, CPU)
    positions = torch.tensor([7, 0, 7, 3])
    assert isinstance(resident, ResidentRows)
    assert torch.equal(resident.take(positions), MappedRows(values, CPU).take(positions))


def test_batches_have_the_same_bits_and_layout_from_either(mapped, monkeypatch):
    def inputs():
        return PixelInputs(mapped("images"), np.arange(1, 9), Normalization((0.5,), (0.25,)), CPU)

    positions = torch.tensor([5, 0, 2])
    expected = inputs().gather(positions)
    monkeypatch.setattr(batches, "open_rows", ResidentArrays(10_000).rows)
    resident = inputs().gather(positions)
    assert torch.equal(resident, expected)
    assert resident.stride() == expected.stride()


def test_an_array_is_copied_once_and_the_one_not_used_longest_makes_room(mapped):
    arrays = ResidentArrays(1000)
    first, second, third = (mapped(name) for name in ("first", "second", "third"))
    kept = arrays.rows(first, CPU)
    arrays.rows(second, CPU)
    assert arrays.num_bytes == 960
    assert arrays.rows(first, CPU)._values is kept._values
    arrays.rows(third, CPU)
    assert arrays.num_bytes == 960
    assert arrays.rows(first, CPU)._values is kept._values


def test_what_does_not_fit_or_is_no_whole_file_stays_where_it_is(mapped):
    values = mapped("images")
    assert isinstance(ResidentArrays(479).rows(values, CPU), MappedRows)
    assert isinstance(ResidentArrays(10_000).rows(values[2:], CPU), MappedRows)
    assert isinstance(ResidentArrays(10_000).rows(np.zeros((2, 3)), CPU), MappedRows)


def test_on_a_processor_nothing_is_copied(mapped):
    assert isinstance(open_rows(mapped("images"), CPU), MappedRows)
