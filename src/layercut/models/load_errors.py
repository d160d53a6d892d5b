"""Why values do not fit a model, from PyTorch's message, short enough for one line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from layercut.errors import few, one_line

MOST = 4
"""Names of one kind that are told; of the others only how many they are."""

_MISSING, _UNEXPECTED = "Missing key(s) in state_dict:", "Unexpected key(s) in state_dict:"
_SIZES = re.compile(r"size mismatch for (\S+): .*?torch\.Size\(\[(.*?)\]\).*?torch\.Size\(\[(.*?)\]\)")


def load_error(error: Exception) -> str:
    """Return what `load_state_dict` complains of: names that it lacks or does not know, and shapes that differ.

    Its message is read because libraries call it after adapting values, so that only it knows what did not fit; any
    other error is told as it is.

    Example:
        >>> load_error(RuntimeError('Error(s) in loading:\\n\\tMissing key(s) in state_dict: "a.weight", "a.bias".'))
        'expected a.weight, a.bias, got nothing'
    """
    return "; ".join(_complaints(str(error))) or f"{type(error).__name__}: {one_line(error, 300)}"


def _complaints(message: str) -> Iterator[str]:
    lines = [line.strip() for line in message.splitlines()]
    for line in lines:
        names = re.findall(r'"([^"]+)"', line)
        if line.startswith(_MISSING):
            yield f"expected {few(names, MOST)}, got nothing"
        elif line.startswith(_UNEXPECTED):
            yield f"the model has no {few(names, MOST)}"
    sizes = [found.groups() for found in map(_SIZES.match, lines) if found]
    if sizes:
        yield few([f"{name}: expected ({wanted}), got ({got})" for name, got, wanted in sizes], MOST)
