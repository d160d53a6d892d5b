"""Weights on disk: safetensors under the key of the job that made them.

Written to a temporary file, flushed, then renamed, so that a file under its final name is whole;
its tensors are hashed on writing and on reading.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from layercut.errors import CheckpointError
from layercut.files import needing_space, written_whole

WRAPPER = "module."
"""What `torch.nn.DataParallel` and its distributed kin put in front of each name."""

_HASH_FIELD = "layercut_tensors_sha256"


def tensors_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write tensors so that `path` is either absent or whole; return their hash.

    Raises:
        StorageFullError: the disk is full; nothing is left behind.
    """
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    digest = tensors_hash(whole)
    with needing_space(f"cannot write the checkpoint {path}"), written_whole(path) as unfinished:
        save_file(whole, unfinished, metadata={_HASH_FIELD: digest})
    return digest


def is_own_checkpoint(path: Path) -> bool:
    """Return whether a file is a checkpoint that layercut wrote, as its header says."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return _HASH_FIELD in (file.metadata() or {})
    except (OSError, safetensors.SafetensorError):
        return False


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read tensors and their hash.

    Raises:
        CheckpointError: the file is missing, damaged, or no longer what was written.
    """
    try:
        return _read(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"no checkpoint {path}") from error
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"the checkpoint {path} is damaged: {error}; delete it and run again") from error


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        written = (file.metadata() or {}).get(_HASH_FIELD)
    digest = tensors_hash(tensors)
    if written is not None and written != digest:
        raise CheckpointError(
            f"the checkpoint {path} changed after it was written (expected hash {written[:12]}, got {digest[:12]}); "
            "delete it and run again"
        )
    return tensors, digest


def load_foreign_weights(path: Path) -> dict[str, Tensor]:
    """Read somebody's weight file: `.safetensors`, or a `.pth` that holds only tensors.

    Names come without the prefix that `torch.nn.DataParallel` gives to all of them.

    Raises:
        CheckpointError: the file is missing, of another format, holds more than tensors, or numbers that are none.
    """
    if not path.is_file():
        raise CheckpointError(f"no weight file {path}; expected a .safetensors or .pth file")
    values = _load_safetensors(path) if path.suffix == ".safetensors" else _load_pth(path)
    _check_finite(path, values)
    if values and all(name.startswith(WRAPPER) for name in values):
        return {name.removeprefix(WRAPPER): value for name, value in values.items()}
    return values


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return _read(path)[0]
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"cannot read {path} as weights: expected a .safetensors file; got a damaged one, or another format: "
            f"{error}; fetch or write it anew"
        ) from error


def _load_pth(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the file provokes
        raise _no_tensors(path, _refused(error)) from error
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise _no_tensors(path, f"an object of type {type(content).__name__}")
    others = [f"{name} ({type(value).__name__})" for name, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise _no_tensors(path, f"a dictionary in which {', '.join(others[:4])} are no tensors")
    return {str(name): value for name, value in content.items()}


def _no_tensors(path: Path, got: str) -> CheckpointError:
    return CheckpointError(
        f"cannot read {path} as weights: expected a .safetensors file, or a .pth file that holds only tensors by name; "
        f"got {got}; write `torch.save(model.state_dict(), FILE)`"
    )


def _refused(error: Exception) -> str:
    """Return what a file is that `torch.load` refuses; its own message advises to run what the file says."""
    pickled = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
    if pickled:
        return f"a pickled object ({pickled[1]})"
    if "TorchScript" in str(error):
        return "a TorchScript archive"
    if isinstance(error, OSError):
        return f"no access ({error.strerror})"
    return "no file of PyTorch, or a damaged one"


def _check_finite(path: Path, values: Mapping[str, Tensor]) -> None:
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
