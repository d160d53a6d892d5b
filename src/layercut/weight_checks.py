"""Checks of a weight file: plain, finite numbers, no more in memory than in the file."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from layercut.errors import CheckpointError


def no_tensors(path: Path, got: str) -> CheckpointError:
    """Return the refusal of a file that holds something else."""
    return CheckpointError(
        f"cannot read {path} as weights: expected a .safetensors file, or a .pth file that holds only tensors by name; "
        f"got {got}; write `torch.save(model.state_dict(), FILE)`"
    )


def refuse_packed(path: Path) -> None:
    """Refuse an archive that is compressed, before it is read: a file of a megabyte can unpack to any size.

    Raises:
        CheckpointError: it is.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        packed = [part for part in archive.infolist() if part.compress_type != zipfile.ZIP_STORED]
    if packed:
        unpacked = sum(part.file_size for part in packed)
        raise no_tensors(path, f"a compressed archive that unpacks to {unpacked:,} bytes, as torch.save writes none")


def check_plain(path: Path, values: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are not plain numbers in memory, or claim more numbers than the file holds.

    Raises:
        CheckpointError: one does.
    """
    for name, value in values.items():
        kind = _unusual(value)
        if kind is not None:
            raise no_tensors(path, f"{name}, {kind}")


def _unusual(value: Tensor) -> str | None:
    if value.is_nested:
        return "a nested tensor"
    if value.layout != torch.strided:
        return "a sparse tensor"
    if value.is_quantized:
        return "a quantized tensor"
    if value.is_meta:
        return "a tensor without values (on the device meta)"
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        return f"a view of {value.numel():,} values, more than the file holds"
    return None


def check_finite(path: Path, values: Mapping[str, Tensor]) -> None:
    """Refuse numbers that are none, but for masks of attention.

    Raises:
        CheckpointError: there are some.
    """
    for name, value in values.items():
        if not value.is_floating_point():
            continue
        numbers = value.float() if value.element_size() < 4 else value  # not every small type can be asked
        wrong = ~numbers.isfinite()
        if not wrong.any() or _is_mask(numbers):
            continue
        what = "NaN" if numbers.isnan().any() else "infinite numbers"
        raise CheckpointError(
            f"{path}: {name} holds {what} ({int(wrong.sum())} of {value.numel()} values); expected finite weights: "
            "take a checkpoint from before the training diverged"
        )


def _is_mask(numbers: Tensor) -> bool:
    """Return whether this is a mask of attention, 0 and minus infinity, which a model may keep beside its weights."""
    return bool(((numbers == 0) | (numbers == -math.inf)).all() and (numbers == 0).any())
