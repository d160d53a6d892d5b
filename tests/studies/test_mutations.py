"""Study files that somebody has broken: planned, or refused in words; no traceback, and not after minutes."""

from __future__ import annotations

import copy
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from layercut.cli.main import main
from layercut.spec.load import shipped_studies

MOST_SECONDS = 20
"""Of processor time, for one study."""

HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 3, 10**9, 10**30, 0.5, -0.5, 1e-300, 1e300, float("nan"), float("inf"),
    "", "no", "0", "a" * 5000, "\0", "ä/../ö", "all", "digits", "mnist", "target", "last", "1e5",
    b"\xff", date(2020, 1, 1), {1, 2}, [], {}, [[]], [None], [0, 0], {"name": None}, {"a": {"b": {}}}, {1: 2},
    {b"x": 1}, {"up_to": {1.0: 10**9}}, {"dataset": "digits"}, {"random": True}, {"factory": "no.such:thing"},
    list(range(2000)), {f"level{n}": {} for n in range(3000)}, {f"f{n}": {m: {} for m in "abcdefgh"} for n in range(9)},
]  # fmt: skip
"""What may come to stand anywhere."""

Place = tuple[Any, Any]
"""A list or mapping, and an index or key of it."""


def _places(tree: Any) -> Iterator[Place]:
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else []:
        yield tree, key
        yield from _places(tree[key])


def _replace(chance: random.Random, place: Place) -> None:
    place[0][place[1]] = copy.deepcopy(chance.choice(HOSTILE))


def _scale(chance: random.Random, place: Place) -> None:
    value = place[0][place[1]]
    if isinstance(value, int | float) and not isinstance(value, bool):
        place[0][place[1]] = value * chance.choice([-1, 0, 1000, 10**6, 10**8, 0.1])
    else:
        _replace(chance, place)


def _delete(chance: random.Random, place: Place) -> None:
    del place[0][place[1]]


def _rename(chance: random.Random, place: Place) -> None:
    parent, key = place
    new: list[Any] = [f"{key}s", str(key)[:-1], 7, b"\xff", ""]
    if isinstance(parent, dict):
        parent[chance.choice(new)] = parent.pop(key)
    else:
        parent.append(copy.deepcopy(parent[key]))


def _wrap(chance: random.Random, place: Place) -> None:
    value = place[0][place[1]]
    place[0][place[1]] = chance.choice([[value], [value, value], {"name": value}, str(value)])


CHANGES: list[Callable[[random.Random, Place], None]] = [_replace, _replace, _replace, _scale, _delete, _rename, _wrap]


def _broken_text(chance: random.Random, text: str) -> str:
    """Return a text with characters that are missing, doubled or strange."""
    at = chance.randrange(len(text))
    return (
        text[:at]
        + chance.choice(["", "\t", ":", "{", "&a *a ", "!!python/object:os.system ", "\x07", "- "])
        + (text[at + chance.randrange(3) :])
    )


def mutated(seed: int) -> str:
    """Return the text of one shipped study, changed in one place to three."""
    chance = random.Random(seed)  # noqa: S311 - a choice, not a secret
    text = chance.choice(list(shipped_studies().values())).read_text(encoding="utf-8")
    if chance.random() < 0.15:
        return _broken_text(chance, text)
    tree = yaml.safe_load(text)
    for _ in range(chance.choice([1, 1, 2, 3])):
        chance.choice(CHANGES)(chance, chance.choice(list(_places(tree))))
    return yaml.safe_dump(tree, allow_unicode=True)


@contextmanager
def _in_time() -> Iterator[None]:
    def give_up(*arguments: object) -> None:
        raise TimeoutError(f"took more than {MOST_SECONDS} s")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


SEEDS = [pytest.param(seed, marks=[pytest.mark.exhaustive] if seed >= 12 else []) for seed in range(300)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_broken_study_is_planned_or_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], seed: int
) -> None:
    monkeypatch.setenv("LAYERCUT_DATA", str(tmp_path / "data"))
    study = tmp_path / "study.yaml"
    study.write_text(mutated(seed), encoding="utf-8")
    with pytest.raises(SystemExit) as ended, _in_time():
        main(["plan", str(study)])
    assert ended.value.code in (0, 2)
    shown = capfd.readouterr().err
    assert ended.value.code == 0 or shown.startswith("layercut: ")
    assert "Traceback" not in shown
    assert "\nframe #" not in shown
