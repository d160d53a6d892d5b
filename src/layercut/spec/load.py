"""Study files to `StudySpec`, with errors that name file, line, key path, what was expected and what came."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, get_args

import yaml
from pydantic import BaseModel, ValidationError

from layercut.errors import SpecError, did_you_mean
from layercut.files import several_studies
from layercut.spec.kinds import check_kinds
from layercut.spec.names import keep_names
from layercut.spec.plain import plain_values
from layercut.spec.study import FROM_OVERRIDE, StudySpec, locate


def shipped_studies() -> dict[str, Path]:
    """Return the study files that come with layercut, by name."""
    folder = files("layercut") / "studies"
    return {Path(str(f)).stem: Path(str(f)) for f in sorted(folder.iterdir(), key=str) if str(f).endswith(".yaml")}


Study: TypeAlias = str | PathLike[str] | Mapping[str, Any] | StudySpec
"""What stands for a study: a name, a path, the content of a study file, or what `load_study` has made of these."""


def load_study(study: Study, overrides: Sequence[str] = ()) -> StudySpec:
    """Return a study with `key.path=value` overrides.

    Relative paths in a file are relative to the file; in a mapping and in overrides, to the working directory.

    Args:
        study: the path of a study file or of the output directory that holds one, the name of a shipped study, the
            content of a study file as a mapping, or a study that was loaded before.
        overrides: changes to it.

    Raises:
        SpecError: there is no such study, or it is invalid.

    Example:
        >>> load_study("digits", overrides=["transfer.replicates=2"]).transfer.replicates
        2
    """
    if isinstance(study, StudySpec):
        return make_study(study.model_dump(mode="json", exclude_unset=True), overrides) if overrides else study
    if isinstance(study, Mapping):
        return make_study(study, overrides)
    if not isinstance(study, str | PathLike):
        raise SpecError(
            f"expected a study: a path, the name of a shipped one, or a mapping; got a {type(study).__name__}"
        )
    path = _find(study)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the study file {path}: {error}") from error
    return parse_study(text, file=path, overrides=overrides)


def parse_study(text: str, file: Path | None = None, overrides: Sequence[str] = ()) -> StudySpec:
    """Read the text of a study file; `file` is where errors and relative paths refer to.

    Raises:
        SpecError: the text is no YAML mapping, or says something impossible.
    """
    values, lines = _parse_yaml(text, file)
    if file is not None:
        _resolve_paths(values, file.resolve().parent)
    return _checked(values, lines, text, file, overrides)


def make_study(
    values: Mapping[str, Any], overrides: Sequence[str] = (), typed: Mapping[str, str] | None = None
) -> StudySpec:
    """Return the study of a mapping that does not come from a file: errors name key paths and no lines.

    `typed`: key path to what the user typed instead, such as `--data photos`, for errors.

    Raises:
        SpecError: it says something impossible.
    """
    plain = plain_values(values)
    _resolve_paths(plain, Path.cwd())
    text = yaml.safe_dump(plain, sort_keys=False)
    return _checked(_parse_yaml(text, None)[0], dict(typed or {}), text, None, overrides)


def _checked(
    values: dict[str, Any], lines: Mapping[str, int | str], text: str, file: Path | None, overrides: Sequence[str]
) -> StudySpec:
    for override in overrides:
        path = _apply_override(values, override)
        kept = {key: line for key, line in lines.items() if not key.startswith((f"{path}.", f"{path}["))}
        lines = {**kept, path: FROM_OVERRIDE}
    try:
        spec = StudySpec.model_validate(values)
    except ValidationError as error:
        raise SpecError(describe_errors(error, StudySpec, file, lines)) from error
    spec._file, spec._lines, spec._text = file, dict(lines), text
    return spec


def describe_errors(
    error: ValidationError,
    model: type[BaseModel],
    file: Path | None = None,
    lines: Mapping[str, int | str] | None = None,
    also_legal: Sequence[str] = (),
) -> str:
    """Return one line for each thing that is wrong: where, what was expected, what came, the nearest legal name.

    `also_legal` are keys at the top that somebody else checks.
    """
    messages = []
    for problem in error.errors(include_url=False):
        location = _without_union_tags(problem["loc"])
        place = f"{locate(file, lines or {}, _join(location))}: " if location else ""
        messages.append(place + _explain(problem, location, model, also_legal))
    return "\n".join(dict.fromkeys(messages))


def _find(study: str | PathLike[str]) -> Path:
    shipped = shipped_studies()
    name = fspath(study)
    if name in shipped:
        return shipped[name]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if (path / "study.yaml").is_file():
        return path / "study.yaml"
    told = several_studies(path)
    if told is not None:
        raise SpecError(told)
    if path.is_dir():
        raise SpecError(
            f"{name} is a folder, but not a run: it lacks the study.yaml that `layercut run` writes; "
            f"name a study file, or, if it holds images, write one with `layercut init {name}`"
        )
    raise SpecError(
        f"no study file {name!r} and no shipped study of that name{did_you_mean(name, shipped)}; "
        f"shipped: {', '.join(shipped)}"
    )


_UNION_TAG = re.compile(
    r"literal\[.*\]|list\[.*\]|dict\[.*\]|int|str|float|ReplicateRule|NormalizationSpec|StrategySpec|OwnAugmentation|function-.*"
)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a duplicate key is an error and `1e-3` is a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def _parse_yaml(text: str, file: Path | None) -> tuple[dict[str, Any], dict[str, int]]:
    place = f"{file}" if file else "the study"
    try:
        node = yaml.compose(text, Loader=_Loader)
        lines: dict[str, int] = {}
        if node is not None:
            _walk(node, "", lines, place)
        values = _constructed(node, ())
    except yaml.YAMLError as error:
        raise SpecError(f"{place} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise SpecError(f"{place} must be a mapping with name, source, target and model; got {type(values).__name__}")
    return values, lines


def _constructed(node: yaml.Node | None, path: Sequence[str]) -> Any:
    """Return the value of a composed node that stands at `path`; names are its text.

    Raises:
        yaml.YAMLError: it has a value that no study file has, such as bytes.
    """
    if node is None:
        return None
    keep_names(node, path)
    check_kinds(node)
    return _Loader("").construct_document(node)


def _walk(node: yaml.Node, path: str, lines: dict[str, int], place: str) -> None:
    if path:
        lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(getattr(key, "value", "")), key.start_mark.line + 1
            if name in seen:
                raise SpecError(f"{place}, line {line}: the key {name!r} appears twice, first on line {seen[name]}")
            seen[name] = line
            child = f"{path}.{name}" if path else name
            lines[child] = line
            _walk(value, child, lines, place)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, f"{path}[{index}]", lines, place)


def _resolve_paths(values: dict[str, Any], folder: Path) -> None:
    for key in ("source", "target"):
        entries = values.get(key)
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, dict):
                for field in ("checkpoint", "path"):
                    if isinstance(entry.get(field), str):
                        entry[field] = str(folder / Path(entry[field]).expanduser())
    models = values.get("model")
    for entry in models if isinstance(models, list) else [models]:
        if isinstance(entry, dict) and ("factory" in entry or "folder" in entry):
            entry["folder"] = str(folder / Path(str(entry.get("folder", "."))).expanduser())
    for training in _trainings(values):
        given = training["augmentation"]
        steps = given if isinstance(given, list) else [given]
        training["augmentation"] = [_with_folder(step, folder) for step in steps]


def _trainings(values: Any) -> Iterator[dict[str, Any]]:
    """Yield the mappings that name augmentations, wherever they stand."""
    if isinstance(values, dict):
        if "augmentation" in values:
            yield values
        for value in values.values():
            yield from _trainings(value)
    elif isinstance(values, list):
        for value in values:
            yield from _trainings(value)


def _with_folder(step: Any, folder: Path) -> Any:
    """Return an augmentation of the user's own with the folder in which its module is looked for first."""
    if isinstance(step, str) and ":" in step:
        step = {"function": step}
    if isinstance(step, dict) and "function" in step:
        step = {**step, "folder": str(folder / Path(str(step.get("folder", "."))).expanduser())}
    return step


def _apply_override(values: dict[str, Any], override: str) -> str:
    """Set one value; return its key path."""
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise SpecError(f"--set takes key.path=value, such as transfer.replicates=20; got {override!r}")
    steps = re.findall(r"[^.\[\]]+", path)
    try:
        value = _constructed(yaml.compose(text, Loader=_Loader), steps)
    except yaml.YAMLError as error:
        raise SpecError(f"--set {override}: the value is not YAML: {error}") from error
    *parents, last = steps
    here: Any = values
    for part in parents:
        here = _descend(here, part, override)
    if isinstance(here, list):
        here[_index(here, last, override)] = value
    else:
        here[last] = value
    return path


def _descend(here: Any, part: str, override: str) -> Any:
    child = here[_index(here, part, override)] if isinstance(here, list) else here.setdefault(part, {})
    if not isinstance(child, dict | list):
        raise SpecError(f"--set {override}: {part!r} holds {child!r}, which has no keys of its own")
    return child


def _index(values: list[Any], part: str, override: str) -> int:
    if not part.isdigit() or int(part) >= len(values):
        raise SpecError(f"--set {override}: {part!r} is not an index into a list of {len(values)}")
    return int(part)


def _without_union_tags(location: Sequence[int | str]) -> list[int | str]:
    """Leave out the branches of unions that pydantic tried: users never wrote them."""
    parts = list(location)
    if parts[:1] == ["source"] and len(parts) > 2:
        del parts[2]
    return [part for part in parts if isinstance(part, int) or not _UNION_TAG.fullmatch(part)]


def _join(location: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _explain(problem: Any, location: Sequence[int | str], model: type[BaseModel], also_legal: Sequence[str]) -> str:
    got = problem.get("input")
    if problem["type"] == "extra_forbidden":
        legal = [*_legal_names(model, location[:-1]), *also_legal]
        return f"unknown key{did_you_mean(str(location[-1]), legal)}; legal keys: {', '.join(legal)}"
    if problem["type"] == "missing":
        return "is required and missing"
    if problem["type"] in ("too_short", "too_long"):
        bounds = problem["ctx"]
        most, count = ("at least", "min_length") if problem["type"] == "too_short" else ("at most", "max_length")
        return f"expected {most} {bounds[count]} value{'s' if bounds[count] != 1 else ''}; got {got!r}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    shown = f"; got {got!r}" if isinstance(got, str | int | float | bool | list) and "got " not in message else ""
    return f"expected {message}{shown}"


def _legal_names(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """Return the keys legal at a location, descending through lists and unions."""
    candidates = [model]
    for part in location:
        if isinstance(part, str):
            fields = [c.model_fields[part].annotation for c in candidates if part in c.model_fields]
            candidates = [found for annotation in fields for found in _models_in(annotation)]
    return sorted({name for candidate in candidates for name in candidate.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models_in(argument)]
