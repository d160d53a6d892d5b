"""The recommended model on the disk: weights, card, and how to load it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layercut.artifacts.writing import CARD
from layercut.files import folder_written_whole, needing_space

WEIGHTS = "model.safetensors"

_HOW = """# {title}

{answer}

```python
import layercut

model = layercut.load_model("{folder}"{trust})  # a torch.nn.Module on the CPU, in eval mode
logits = model(images)  # images: n x {shape} (channels, height, width), bytes or floats in 0..1
names = [{names}]  # of the classes, in the order of the logits
```

`model.safetensors` holds the weights, `card.json` how the model is built and what was measured.
"""


def write_model(
    kept: Path, folder: Path, tested: Mapping[str, Any], about: Mapping[str, Any], answer: str, own_code: bool
) -> Path:
    """Copy what was kept of a trial to `folder`, with what was recommended; an older one is replaced.

    Args:
        kept: the folder of the trial.
        folder: where the model goes.
        tested: metrics on the test images, which the trial left alone.
        about: what the card says of the recommendation.
        answer: what the README says of it, as Markdown.
        own_code: whether loading the model runs code of its user.

    Raises:
        StorageFullError: the disk is full.
    """
    for stale in folder.parent.glob(f".{folder.name}.*"):  # of a call that was killed
        shutil.rmtree(stale, ignore_errors=True)
    card = json.loads((kept / CARD).read_text(encoding="utf-8"))
    card |= {"recommendation": dict(about), "metrics": card["metrics"] | tested}
    text = _HOW.format(
        title=f"{card['model']} for {card['target']}",
        answer=answer,
        folder=folder,
        trust=", trust_code=True" if own_code else "",
        shape=" x ".join(map(str, card["build"]["image_shape"])),
        names=", ".join(map(repr, card["class_names"])),
    )
    with needing_space(f"cannot write {folder}"), folder_written_whole(folder) as unfinished:
        shutil.copyfile(kept / WEIGHTS, unfinished / WEIGHTS)
        (unfinished / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False), encoding="utf-8")
        (unfinished / "README.md").write_text(text, encoding="utf-8")
    return folder
