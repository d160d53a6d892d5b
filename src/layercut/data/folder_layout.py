"""Find the images, classes and splits of a folder from the names of its folders.

root/{train,test}/CLASS/*       or val/, valid/ or validation/ in place of test/; capitals do not matter
root/CLASS/*                    a share of each class is kept for tests
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from layercut.data.classes import same_name
from layercut.errors import DataError, few

_MOST = 5
"""Files, folders and classes that a message tells by name."""

ROLES = {"train": "train", "test": "test", "val": "validation", "valid": "validation", "validation": "validation"}
_SYSTEM = frozenset(
    ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information", "icon\r")
)
"""What operating systems and archives leave in folders, in lower case; names that begin with a dot are hidden too."""


class Found(NamedTuple):
    """An image file of one class."""

    path: Path
    class_name: str
    group: str | None = None
    """What belongs together: a patient, a camera, a video."""


class FolderLayout(NamedTuple):
    """What was found in a folder; images are in the order of their classes, then of their names."""

    class_names: tuple[str, ...]
    """Sorted."""
    train: tuple[Found, ...]
    test: tuple[Found, ...] | None
    """None where the folder has no test split of its own."""
    validation: tuple[Found, ...] = ()
    """For validation alone."""
    notes: tuple[str, ...] = ()
    """What a user should know of it, a sentence each."""
    tables: tuple[Path, ...] = ()
    """Files beside the images that say what they are."""


def read_layout(root: Path, group: str | None) -> FolderLayout:
    """List the image files of a folder; with `group: folder` those in the folders of each class.

    Raises:
        DataError: the folder is missing, empty, or in neither of the two layouts.
    """
    if group not in (None, "folder"):
        raise DataError(f"{root}: expected `group: folder` (root/CLASS/GROUP/*), or a metadata.csv; got {group!r}")
    reader = _Reader(grouped=group is not None)
    folders = _find_splits(reader, root)
    if folders is None:
        images = {"train": reader.split(root)}
        return make_layout(str(root), root.name, images, {"train": "train"}, list(reader.notes(root)))
    images = {role: reader.split(folder) for role, folder in folders.items()}
    notes = [*_not_read(reader, root, folders), *reader.notes(root)]
    return make_layout(str(root), root.name, images, {role: f"{path.name}/" for role, path in folders.items()}, notes)


def make_layout(
    place: str,
    name: str,
    images: Mapping[str, Sequence[Found]],
    called: Mapping[str, str],
    notes: Sequence[str],
    tables: tuple[Path, ...] = (),
) -> FolderLayout:
    """Return a layout of the images of `train`, `test` and `validation`, as far as there are such.

    Args:
        place: where they are, for errors; `name`: the same for notes.
        images: those of each split; validation images without test images are the test images.
        called: what each split is called there.

    Raises:
        DataError: there are no training images, the splits have different classes, or a group is in both.
    """
    if "train" not in images:
        raise DataError(f"{place}: expected training images, got {', '.join(called.values())} only")
    train, role = images["train"], "test" if "test" in images else "validation"
    said = list(notes)
    if role not in images:
        return FolderLayout(_classes(train), tuple(train), None, notes=tuple(said), tables=tables)
    test = images[role]
    if _classes(train) != _classes(test):
        raise DataError(
            f"{place}: {called['train']} and {called[role]} must hold the same classes; "
            f"{_only(called['train'], train, called[role], test)}"
        )
    _check_groups(place, images, called)
    if role == "validation":
        said.append(f"{name}: there is no test set, so {called[role]} is the test set")
        return FolderLayout(_classes(train), tuple(train), tuple(test), notes=tuple(said), tables=tables)
    validation = images.get("validation", ())
    unknown = sorted(set(_classes(validation)) - set(_classes(train)))
    if unknown:
        raise DataError(f"{place}: only {called['validation']} has {few(unknown, _MOST)}: add training images of it")
    if validation:
        said.append(
            f"{name}: the {len(validation):,} images of {called['validation']} are for validation: neither trained on "
            "nor tested on"
        )
    return FolderLayout(_classes(train), tuple(train), tuple(test), tuple(validation), tuple(said), tables)


def _check_groups(place: str, images: Mapping[str, Sequence[Found]], called: Mapping[str, str]) -> None:
    for one, other in itertools.combinations([role for role in ("train", "validation", "test") if role in images], 2):
        shared = sorted({i.group for i in images[one] if i.group} & {i.group for i in images[other] if i.group})
        if shared:
            raise DataError(
                f"{place}: no group may be in {called[one]} and in {called[other]}; both have {few(shared, _MOST)}: "
                "move its images into one of them"
            )


def _find_splits(reader: _Reader, root: Path) -> dict[str, Path] | None:
    """Return the folders of the splits by their role; None where the folders are classes.

    A folder called `train` or `test` that holds images instead of folders is a class, if it is not alone with such.

    Raises:
        DataError: a split is missing, appears twice, or holds images without classes.
    """
    folders = [entry.name for entry in reader.visible(root) if entry.is_dir()]
    by_role: dict[str, list[str]] = {}
    for name in folders:
        if name.lower() in ROLES:
            by_role.setdefault(ROLES[name.lower()], []).append(name)
    named = [name for names in by_role.values() for name in names]
    flat = [name for name in named if _is_flat(reader, root / name)]
    if not named or (flat == named and len(folders) > len(named)):
        return None
    if flat:
        raise DataError(
            f"{root / flat[0]}: expected one folder per class, got images without a class; sort them into class "
            f"folders, or set `path` to the folder whose folders are the classes"
        )
    for names in by_role.values():
        if len(names) > 1:
            raise DataError(f"{root}: {' and '.join(f'{name}/' for name in names)} mean the same; keep only one")
    if "train" not in by_role or len(by_role) == 1:
        absent = "train/" if "train" not in by_role else "test/ (nor val/, valid/ or validation/)"
        raise DataError(
            f"{root} has {few([f'{name}/' for name in named], _MOST)} but no {absent}: expected training and test "
            f"images, or one folder per class and neither; rename the folder that holds them, or set `path` to "
            f"{root / named[0]} to keep part of its images for tests"
        )
    return {role: root / names[0] for role, names in by_role.items()}


def _is_flat(reader: _Reader, folder: Path) -> bool:
    entries = reader.visible(folder)
    return bool(entries) and not any(entry.is_dir() for entry in entries)


def _not_read(reader: _Reader, root: Path, splits: Mapping[str, Path]) -> Iterator[str]:
    others = [
        entry.name for entry in reader.visible(root) if entry.is_dir() and root / entry.name not in splits.values()
    ]
    if others:
        yield f"{root.name}: {few([f'{name}/' for name in others], _MOST)} beside the splits is not read"


def _classes(found: Sequence[Found]) -> tuple[str, ...]:
    return tuple(sorted({image.class_name for image in found}))


def _only(train_name: str, train: Sequence[Found], test_name: str, test: Sequence[Found]) -> str:
    """Return which classes only one of the splits has."""
    sides = ((train_name, _classes(train), _classes(test)), (test_name, _classes(test), _classes(train)))
    alone = {name: sorted(set(own) - set(other)) for name, own, other in sides}
    return " and ".join(f"only {name} has {few(names, _MOST)}" for name, names in alone.items() if names)


class _Reader:
    """Lists folders and remembers what it passed over."""

    def __init__(self, grouped: bool) -> None:
        self._grouped = grouped
        self._listed: dict[Path, list[os.DirEntry[str]]] = {}
        self._hidden: Counter[str] = Counter()

    def split(self, folder: Path) -> list[Found]:
        """Return the images of a folder that has one folder per class.

        Raises:
            DataError: it has anything else.
        """
        entries = self.visible(folder)
        strays = [entry.name for entry in entries if not entry.is_dir()]
        if strays:
            raise DataError(
                f"{folder}: expected one folder per class and no files; got {few(strays, _MOST)}; move them elsewhere"
            )
        if not entries:
            raise DataError(f"{folder}: expected one folder per class, got an empty folder")
        found = [image for entry in entries for image in self._images(Path(entry.path), same_name(entry.name))]
        return sorted(found, key=lambda image: (image.class_name, image.group or "", image.path.name))

    def visible(self, folder: Path) -> list[os.DirEntry[str]]:
        """Return what a folder holds, sorted by name; whether an entry is a folder comes with the listing, mostly."""
        if folder not in self._listed:
            try:
                with os.scandir(folder) as entries:
                    everything = sorted(entries, key=_name)
            except OSError as error:
                raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error
            self._listed[folder] = [entry for entry in everything if not is_hidden(entry.name)]
            self._hidden.update(entry.name for entry in everything if is_hidden(entry.name))
        return self._listed[folder]

    def notes(self, root: Path) -> Iterator[str]:
        """Yield what was passed over."""
        if self._hidden:
            number = self._hidden.total()
            what = "hidden or system file or folder is" if number == 1 else "hidden or system files and folders are"
            yield f"{root.name}: {number:,} {what} skipped ({few(sorted(self._hidden), _MOST)})"

    def _images(self, folder: Path, class_name: str, group: str | None = None) -> Iterator[Found]:
        entries = self.visible(folder)
        folders = [entry.name for entry in entries if entry.is_dir()]
        wants_groups = self._grouped and group is None
        if folders and not wants_groups:
            raise DataError(
                f"{folder}: expected the images of one class, got folders: {few(folders, _MOST)}; move the images up, "
                f"or set `path` to the folder whose folders are the classes, or say `group: folder` (`--group "
                "folder`) where each is a patient, a camera, a video"
            )
        if not entries:
            raise DataError(f"{folder}: this class has no images; add some or remove the folder")
        if wants_groups and len(folders) < len(entries):
            files = [entry.name for entry in entries if not entry.is_dir()]
            raise DataError(f"{folder}: expected one folder per group, got images: {few(files, _MOST)}")
        for entry in entries:
            if wants_groups:
                yield from self._images(folder / entry.name, class_name, same_name(entry.name))
            else:
                yield Found(folder / entry.name, class_name, group)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or left behind by a system."""
    return name.startswith(".") or name.lower() in _SYSTEM
