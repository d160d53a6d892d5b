"""Weights on disk: safetensors under the key of the job that made them.

Written to a temporary file, flushed, then renamed, so that a file under its final name is whole;
its tensors are hashed on writing and on reading.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from layercut.errors import CheckpointError, StorageFullError

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
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    digest = tensors_hash(whole)
    try:
        save_file(whole, temporary, metadata={_HASH_FIELD: digest})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, safetensors.SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise StorageFullError(f"the disk is full: cannot write the checkpoint {path}") from error
        raise
    return digest


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read tensors and their hash.

    Raises:
        CheckpointError: the file is missing, damaged, or no longer what was written.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            written = (file.metadata() or {}).get(_HASH_FIELD)
    except FileNotFoundError as error:
        raise CheckpointError(f"no checkpoint {path}") from error
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"the checkpoint {path} is damaged: {error}; delete it and run again") from error
    digest = tensors_hash(tensors)
    if written is not None and written != digest:
        raise CheckpointError(
            f"the checkpoint {path} changed after it was written (expected hash {written[:12]}, got {digest[:12]}); "
            "delete it and run again"
        )
    return tensors, digest


def load_foreign_weights(path: Path) -> dict[str, Tensor]:
    """Read somebody's weight file: `.safetensors`, or a `.pth` that holds only tensors.

    Raises:
        CheckpointError: the file is missing, of another format, or holds more than tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"no weight file {path}; expected a .safetensors or .pth file")
    if path.suffix == ".safetensors":
        return load_checkpoint(path)[0]
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the file provokes
        raise CheckpointError(
            f"cannot read {path} as weights: {type(error).__name__}: {str(error).splitlines()[0]}; expected a file "
            "saved with torch.save(model.state_dict(), ...) or safetensors"
        ) from error
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"expected {path} to hold a mapping from names to tensors; got {type(content).__name__}")
    return {str(name): value for name, value in content.items()}
