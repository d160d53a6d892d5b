"""Weights on disk: safetensors files named by the key of the job that made them.

Written to a temporary file, flushed, then renamed, so that a file under its final name is whole;
its tensors are hashed on writing and on reading.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from layercut.errors import CheckpointError
from layercut.files import needing_space, written_whole
from layercut.weight_checks import check_finite, check_plain, no_tensors, refuse_packed

_HASH_FIELD = "layercut_tensors_sha256"


def tensors_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes."""
    return _hash_of((name, tensors[name]) for name in sorted(tensors))


def stored_hash(path: Path) -> str:
    """Return the `tensors_hash` of what a checkpoint now holds, one tensor in memory at a time.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    with _explained(path), safetensors.safe_open(path, framework="pt") as file:
        return _hash_of((name, file.get_tensor(name)) for name in sorted(file.keys()))


def _hash_of(tensors: Iterable[tuple[str, Tensor]]) -> str:
    digest = hashlib.sha256()
    for name, value in tensors:
        tensor = value.detach().cpu().contiguous()
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
    with _explained(path):
        return _read(path)


def require_shapes(path: Path, wanted: Mapping[str, Tensor]) -> None:
    """Compare names and shapes of a checkpoint's tensors with those of `wanted`, reading no values.

    Raises:
        CheckpointError: they differ, or the file is missing or damaged.
    """
    with _explained(path), safetensors.safe_open(path, framework="pt") as file:
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping
    expected = {name: tuple(value.shape) for name, value in wanted.items()}
    if found != expected:
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise CheckpointError(
            f"{path} does not fit the model: {wrong[0]} is expected as {expected.get(wrong[0], 'nothing')}, got "
            f"{found.get(wrong[0], 'nothing')}"
        )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CheckpointError(f"no checkpoint {path}") from error
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"the checkpoint {path} is damaged: {error}; run the study again to recompute it"
        ) from error


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        written = (file.metadata() or {}).get(_HASH_FIELD)
    digest = tensors_hash(tensors)
    if written is not None and written != digest:
        raise CheckpointError(
            f"the checkpoint {path} changed after it was written (expected hash {written[:12]}, got {digest[:12]}); "
            "run the study again to recompute it"
        )
    return tensors, digest


class WeightFile(OrderedDict[str, Tensor]):
    """The tensors of a user's file by name, with notes about them.

    `_metadata` holds the versions of the layers that wrote them, as PyTorch saves and reads it; some layers of
    torchvision cannot be read without.
    """

    def __init__(
        self,
        values: Iterable[tuple[str, Tensor]] = (),
        metadata: Mapping[str, Any] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        super().__init__(values)
        self.notes = list(notes)
        if metadata is not None:
            self._metadata = metadata

    def like(self, values: Iterable[tuple[str, Tensor]], prefix: str = "") -> WeightFile:
        """Return other values with these notes and versions; `prefix` was taken off the names of layers."""
        versions = getattr(self, "_metadata", None)
        if versions is not None and prefix:
            inside = {path: known for path, known in versions.items() if f"{path}.".startswith(prefix)}
            versions = {f"{path}.".removeprefix(prefix).rstrip("."): known for path, known in inside.items()}
        return WeightFile(values, versions, self.notes)


def load_foreign_weights(path: Path) -> WeightFile:
    """Read a user's weight file: `.safetensors`, or a `.pth` that holds only tensors.

    Raises:
        CheckpointError: the file is missing, of another format, holds more than tensors, or numbers that are none.
    """
    if not path.is_file():
        raise CheckpointError(f"no weight file {path}; expected a .safetensors or .pth file")
    values = _load_safetensors(path) if path.suffix == ".safetensors" else _load_pth(path)
    check_plain(path, values)
    check_finite(path, values)
    return values


def _load_safetensors(path: Path) -> WeightFile:
    try:
        return WeightFile(_read(path)[0].items())
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"cannot read {path} as weights: expected a .safetensors file; got a damaged one, or another format: "
            f"{error}; download or write it again"
        ) from error


def _load_pth(path: Path) -> WeightFile:
    refuse_packed(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the file provokes
        raise no_tensors(path, _refused(error)) from error
    if not isinstance(content, dict):
        raise no_tensors(path, f"an object of type {type(content).__name__}")
    found = list(_state_dicts(content))
    if len(found) > 1:
        keys = ", ".join(key for key, _ in found)
        raise CheckpointError(f"{path} holds the weights of several models, under {keys}: save the intended one")
    if not found:
        others = [f"{name} ({type(value).__name__})" for name, value in content.items() if not _is_tensor(value)]
        raise no_tensors(path, f"a dictionary in which {', '.join(others[:4])} are no tensors")
    key, tensors = found[0]
    values = WeightFile(((str(name), value) for name, value in tensors.items()), getattr(tensors, "_metadata", None))
    if key.rpartition(".")[2] not in ("", *_WELL_KNOWN):
        values.notes.append(f"the weights are those under {key}")
    return values


_WELL_KNOWN = ("state_dict", "model_state_dict", "model")
"""Keys that hold the weights where a file holds more."""


def _state_dicts(content: dict[Any, Any], key: str = "") -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield each dictionary of tensors in another one with its key; well-known keys first, no optimizers."""
    if all(_is_tensor(value) for value in content.values()):
        if content or not key:
            yield key, content
        return
    if {"state", "param_groups"} <= content.keys():
        return
    nested = {str(name): value for name, value in content.items() if isinstance(value, dict)}
    for name in _WELL_KNOWN:
        if name in nested:
            nested = {name: nested[name]}
    for name, value in nested.items():
        yield from _state_dicts(value, f"{key}.{name}" if key else name)


def _is_tensor(value: object) -> bool:
    return isinstance(value, Tensor)


def _refused(error: Exception) -> str:
    """Describe a file that `torch.load` refuses; torch's own message advises running the file's code."""
    pickled = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
    if pickled:
        return f"a pickled object ({pickled[1]})"
    if "TorchScript" in str(error):
        return "a TorchScript archive"
    if isinstance(error, OSError):
        return f"no access ({error.strerror})"
    return "not a PyTorch file, or a damaged one"
