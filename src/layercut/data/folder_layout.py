"""Which images a folder holds, of which class and split: read from its folders, as people have them.

root/{train,test}/CLASS/*       or val/, valid/ or validation/ in place of test/; capitals do not matter
root/CLASS/*                    a share of each class is kept for tests
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from layercut.data.classes import same_name
from layercut.errors import DataError, few

_MOST = 5
"""Files, folders and classes that a message tells by name."""

_ROLES = {"train": "train", "test": "test", "val": "validation", "valid": "validation", "validation": "validation"}
_SYSTEM = frozenset(
    ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information", "icon\r")
)
"""What operating systems and archives leave in folders, in lower case; names that begin with a dot are hidden too."""


class Found(NamedTuple):
    """An image file of one class."""

    path: Path
    class_name: str


class Layout(NamedTuple):
    """What was found in a folder; images are in the order of their classes, then of their names."""

    class_names: tuple[str, ...]
    """Sorted."""
    train: tuple[Found, ...]
    test: tuple[Found, ...] | None
    """None where the folder has no test split of its own."""
    notes: tuple[str, ...] = ()
    """What a user should know of it, a sentence each."""


def read_layout(root: Path) -> Layout:
    """List the image files of a folder.

    Raises:
        DataError: the folder is missing, empty, or in neither of the two layouts.
    """
    if not root.is_dir():
        raise DataError(
            f"{root}: expected a folder of images, got {'a file' if root.exists() else 'nothing'}; correct "
            f"`path` (relative to the study file)"
        )
    reader = _Reader()
    splits = _find_splits(reader, root)
    if splits is None:
        train = reader.split(root)
        return Layout(_classes(train), tuple(train), None, tuple(reader.notes(root)))
    held_out = splits["test"] if "test" in splits else splits["validation"]
    train, test = reader.split(splits["train"]), reader.split(held_out)
    if _classes(train) != _classes(test):
        where = f"{splits['train'].name}/ and {held_out.name}/"
        raise DataError(f"{root}: {where} must hold the same classes; {_only(splits['train'], train, held_out, test)}")
    notes = [*_split_notes(reader, root, splits), *reader.notes(root)]
    return Layout(_classes(train), tuple(train), tuple(test), tuple(notes))


def _find_splits(reader: _Reader, root: Path) -> dict[str, Path] | None:
    """Return the folders of the splits by their role; None where the folders are classes.

    A folder called `train` or `test` that holds images instead of folders is a class, if it is not alone with such.

    Raises:
        DataError: a split is missing, stands twice, or holds images without classes.
    """
    folders = [entry.name for entry in reader.visible(root) if entry.is_dir()]
    by_role: dict[str, list[str]] = {}
    for name in folders:
        if name.lower() in _ROLES:
            by_role.setdefault(_ROLES[name.lower()], []).append(name)
    named = [name for names in by_role.values() for name in names]
    flat = [name for name in named if _is_flat(reader, root / name)]
    if not named or (flat == named and len(folders) > len(named)):
        return None
    if flat:
        raise DataError(
            f"{root / flat[0]}: expected one folder a class, got images without a class; sort them into class "
            f"folders, or set `path` to the folder whose folders are the classes"
        )
    for names in by_role.values():
        if len(names) > 1:
            raise DataError(f"{root}: {' and '.join(f'{name}/' for name in names)} mean the same; keep one of them")
    if "train" not in by_role or len(by_role) == 1:
        absent = "train/" if "train" not in by_role else "test/ (nor val/, valid/ or validation/)"
        raise DataError(
            f"{root} has {few([f'{name}/' for name in named], _MOST)} but no {absent}: expected training and test "
            f"images, or one folder a class and neither; name the folder that holds them so, or set `path` to "
            f"{root / named[0]} to keep a share of its images for tests"
        )
    return {role: root / names[0] for role, names in by_role.items()}


def _is_flat(reader: _Reader, folder: Path) -> bool:
    entries = reader.visible(folder)
    return bool(entries) and not any(entry.is_dir() for entry in entries)


def _split_notes(reader: _Reader, root: Path, splits: dict[str, Path]) -> Iterator[str]:
    if "test" not in splits:
        yield f"{root.name}: there is no test/, so {splits['validation'].name}/ is the test set"
    elif "validation" in splits:
        unused = len(reader.split(splits["validation"]))
        yield (
            f"{root.name}: {splits['validation'].name}/ beside {splits['test'].name}/ is left out: its {unused:,} "
            "images are neither trained on nor tested on; validation images come from the training images"
        )
    others = [
        entry.name for entry in reader.visible(root) if entry.is_dir() and root / entry.name not in splits.values()
    ]
    if others:
        yield f"{root.name}: {few([f'{name}/' for name in others], _MOST)} beside the splits is not read"


def _classes(found: Sequence[Found]) -> tuple[str, ...]:
    return tuple(sorted({image.class_name for image in found}))


def _only(train_folder: Path, train: Sequence[Found], test_folder: Path, test: Sequence[Found]) -> str:
    """Return which classes only one of the splits has."""
    sides = ((train_folder, _classes(train), _classes(test)), (test_folder, _classes(test), _classes(train)))
    alone = {folder.name: sorted(set(own) - set(other)) for folder, own, other in sides}
    return " and ".join(f"only {name}/ has {few(names, _MOST)}" for name, names in alone.items() if names)


class _Reader:
    """Lists folders and remembers what it passed over."""

    def __init__(self) -> None:
        self._listed: dict[Path, list[os.DirEntry[str]]] = {}
        self._hidden: Counter[str] = Counter()

    def split(self, folder: Path) -> list[Found]:
        """Return the images of a folder that has one folder a class.

        Raises:
            DataError: it has anything else.
        """
        entries = self.visible(folder)
        strays = [entry.name for entry in entries if not entry.is_dir()]
        if strays:
            raise DataError(
                f"{folder}: expected one folder a class and no files; got {few(strays, _MOST)}: move them away"
            )
        if not entries:
            raise DataError(f"{folder}: expected one folder a class, got an empty folder")
        found = [image for entry in entries for image in self._images(Path(entry.path), same_name(entry.name))]
        return sorted(found, key=lambda image: (image.class_name, image.path.name))

    def visible(self, folder: Path) -> list[os.DirEntry[str]]:
        """Return what a folder holds, sorted by name; whether an entry is a folder comes with the listing, mostly."""
        if folder not in self._listed:
            try:
                with os.scandir(folder) as entries:
                    everything = sorted(entries, key=_name)
            except OSError as error:
                raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error
            self._listed[folder] = [entry for entry in everything if not _is_hidden(entry.name)]
            self._hidden.update(entry.name for entry in everything if _is_hidden(entry.name))
        return self._listed[folder]

    def notes(self, root: Path) -> Iterator[str]:
        """Yield what was passed over."""
        if self._hidden:
            number = self._hidden.total()
            what = "hidden or system file or folder is" if number == 1 else "hidden or system files and folders are"
            yield f"{root.name}: {number:,} {what} skipped ({few(sorted(self._hidden), _MOST)})"

    def _images(self, folder: Path, class_name: str) -> Iterator[Found]:
        entries = self.visible(folder)
        folders = [entry.name for entry in entries if entry.is_dir()]
        if folders:
            raise DataError(
                f"{folder}: expected the images of one class, got folders: {few(folders, _MOST)}; move the images up, "
                f"or set `path` to the folder whose folders are the classes"
            )
        if not entries:
            raise DataError(f"{folder}: this class has no images; add some or remove the folder")
        for entry in entries:
            yield Found(folder / entry.name, class_name)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM
