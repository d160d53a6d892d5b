"""Problems of imported results, as far as the files themselves show them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from layercut.interop.mp_tl_study.files import ResultFile
from layercut.interop.mp_tl_study.labels import model_options
from layercut.keys import canonical_json
from layercut.records import ConditionName, TrialRecord
from layercut.significance import ALPHA, least_attainable_p, replicates_needed


class NamedTrial(NamedTuple):
    """A trial and the design point that it belongs to."""

    name: ConditionName
    trial: TrialRecord


def warnings_about(
    files: Sequence[ResultFile], trials: Sequence[NamedTrial], families: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return sentences on what a reader must know; `families` is what `unattainable_families` returns."""
    found = [*_too_few_repeats(families), *_duplicate_rows(trials)]
    found += [text for file in files for text in (*_repeated_percentages(file), *_older_names(file))]
    found += [*_different_parameters(files), *_missing_baselines(trials), *_cut_zero_is_scratch(trials)]
    if trials:
        found += [
            "The files hold no validation accuracy, so no cut is chosen: choosing by the reported test accuracy would "
            "make the best one look better than it is.",
        ]
    return found


def unattainable_families(trials: Iterable[NamedTrial]) -> list[dict[str, Any]]:
    """Return the families of comparisons with scratch that no result could make significant."""
    replicates: dict[ConditionPoint, set[int]] = defaultdict(set)
    for name, trial in trials:
        if not name.merged:
            replicates[point_of(name)].add(trial.replicate)
    families: dict[tuple[str, str, float], list[int]] = defaultdict(list)
    for point, repeats in replicates.items():
        scratch = replicates.get(point._replace(strategy="scratch", cut=0))
        if point.strategy != "scratch" and scratch:
            families[point.context, point.strategy, point.fraction].append(len(repeats & scratch))
    rows: dict[str, dict[str, Any]] = {}
    for (_, strategy, fraction), pairs in sorted(families.items()):
        comparisons, most = len(pairs), max(pairs)
        least_p = least_attainable_p(most, comparisons)
        if least_p >= ALPHA:
            row = {
                "fraction": fraction,
                "strategy": strategy,
                "comparisons": comparisons,
                "replicates": most,
                "least_p": least_p,
                "needed_replicates": replicates_needed(comparisons),
            }
            rows[canonical_json(row)] = row
    return list(rows.values())


class ConditionPoint(NamedTuple):
    """A design point that can be a key."""

    context: str
    strategy: str
    cut: int
    fraction: float


def point_of(name: ConditionName) -> ConditionPoint:
    """Return the design point of a name."""
    context = canonical_json([name.source, name.target, name.model, dict(name.factors)])
    return ConditionPoint(context, name.strategy, name.cut, name.fraction)


def _too_few_repeats(families: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    fractions: dict[tuple[int, int], set[float]] = defaultdict(set)
    for row in families:
        fractions[row["replicates"], row["comparisons"]].add(row["fraction"])
    for (repeats, comparisons), own in sorted(fractions.items()):
        shown = ", ".join(f"{100 * fraction:g} %" for fraction in sorted(own))
        yield (
            f"{repeats} repeats at {shown} of the data cannot make any of {comparisons} comparisons with "
            f"scratch significant: the least two-sided p-value of an exact Wilcoxon test is "
            f"{least_attainable_p(repeats):.4g} ({least_attainable_p(repeats, comparisons):.3g} after Holm); "
            f"{replicates_needed(comparisons)} repeats are needed."
        )


def _duplicate_rows(trials: Iterable[NamedTrial]) -> Iterator[str]:
    counts = Counter((point_of(name), trial.replicate) for name, trial in trials)
    extra = sum(count - 1 for count in counts.values())
    if extra:
        yield (
            f"{extra} row{'s' if extra > 1 else ''} repeat{'' if extra > 1 else 's'} the strategy, cut, "
            "percentage and repeat of an earlier row: duplicates are kept, but they are not independent repetitions."
        )


def _repeated_percentages(file: ResultFile) -> Iterator[str]:
    twice = [value for value, count in Counter(file.parameters.get("percentages", [])).items() if count > 1]
    if twice:
        shown = ", ".join(str(value) for value in twice)
        yield f"{file.path.name}: the parameters list the same percentage more than once ({shown})."


def _older_names(file: ResultFile) -> Iterator[str]:
    options = model_options(file.parameters)
    if "num_channels" not in file.parameters and "width" in file.parameters:
        yield f"{file.path.name}: `width` is read as num_channels, as older files call it ({options.channels})."
    if options.pooled and "pooling_every_n_layers" not in file.parameters:
        yield (
            f"{file.path.name}: the parameters have use_pooling and no pooling_every_n_layers; it is read as "
            f"{options.pool_every}, after which the code of that time pooled."
        )


_NOT_TRAINING = {"freeze", "reinit", "truncate", "percentages", "pre_train_classes", "fine_tune_classes"}


def _different_parameters(files: Sequence[ResultFile]) -> Iterator[str]:
    described = [file for file in files if file.parameters]
    names = dict.fromkeys(name for file in described for name in file.parameters if name not in _NOT_TRAINING)
    differing = []
    for name in names:
        values = [file.parameters[name] for file in described if name in file.parameters]
        if any(value != values[0] for value in values):
            differing.append(name)
    if differing:
        yield f"The files were made with different parameters: {', '.join(differing)} differ between them."


def _missing_baselines(trials: Iterable[NamedTrial]) -> Iterator[str]:
    transferred: set[tuple[str, float]] = set()
    scratch: set[tuple[str, float]] = set()
    for name, _ in trials:
        point = point_of(name)
        (scratch if name.strategy == "scratch" else transferred).add((point.context, point.fraction))
    shares = sorted({fraction for _, fraction in transferred - scratch})
    if shares:
        shown = ", ".join(f"{100 * share:g} %" for share in shares)
        yield f"No baselines at {shown} of the data: whether transfer helps there cannot be told."


def _cut_zero_is_scratch(trials: Sequence[NamedTrial]) -> Iterator[str]:
    def results(strategy: str) -> dict[tuple[str, float, int], tuple[float, float | None]]:
        return {
            (point_of(name).context, name.fraction, trial.replicate): (
                trial.train_accuracy,
                trial.test_accuracy,
            )
            for name, trial in trials
            if name.strategy == strategy and name.cut == 0
        }

    cut_zero, scratch = results("freeze_reinit"), results("scratch")
    pairs = cut_zero.keys() & scratch.keys()
    equal = sum(cut_zero[pair] == scratch[pair] for pair in pairs)
    if pairs and equal == len(pairs):
        yield (
            f"freeze_reinit at cut 0 equals the baselines bit for bit in all {equal} pairs: they are the "
            "same trials, as they must be where nothing is transferred, and no second measurement or comparison."
        )
