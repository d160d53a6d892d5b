"""The comparison as JSON values and as text."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

from benchmarks.children import Child
from benchmarks.comparison import (
    Condition,
    Spread,
    agreement,
    by_condition,
    layercut_round,
    replicate_deviation,
    rival_round,
    seconds_outside_epochs,
)
from benchmarks.floor import Work
from benchmarks.slice import Slice


class Measurements(NamedTuple):
    """Everything that was run."""

    ours: dict[str, list[Child]]
    """layercut's rounds by precision."""
    rivals: dict[str, list[Child]]
    floors: dict[str, Work]
    """By precision."""
    peaks: list[dict[str, Any]]


def summarize(work: Slice, measured: Measurements) -> dict[str, Any]:
    """Return all numbers of the comparison as JSON values."""
    reference = next(iter(measured.ours.values()))
    epochs = {
        ((row["strategy"], row["cut"]), row["replicate"]): row["num_epochs"] for row in reference[0].answer["trials"]
    }
    contenders = {
        f"layercut {precision}": _ours(precision, children, reference, measured, work)
        for precision, children in measured.ours.items()
    }
    for name, children in measured.rivals.items():
        contenders[name] = _theirs(children, reference, epochs, work)
    seconds = {name: row.pop("seconds_by_round") for name, row in contenders.items()}
    for row, own in zip(contenders.values(), seconds.values(), strict=True):
        row["study_seconds"] = Spread.of(own)._asdict()
        row["trial_seconds"] = Spread.of(own).median / work.num_trials()
        row["times_layercut"] = {
            f"layercut {precision}": Spread.of(
                [mine / base for mine, base in zip(own, seconds[f"layercut {precision}"], strict=True)]
            )._asdict()
            for precision in measured.ours
        }
    return {
        "slice": {
            "cuts": list(work.cuts),
            "with_scratch": work.with_scratch,
            "replicates": work.replicates,
            "fraction": work.fraction,
            "epochs": work.epochs,
            "patience": work.patience,
            "batch_size": work.batch_size,
            "lr": work.lr,
            "validate_epochs": work.validate_epochs,
            "trials": work.num_trials(),
        },
        "rounds": len(reference),
        "contenders": contenders,
        "replicate_deviation": replicate_deviation(reference[0].answer["trials"]),
        "peaks": measured.peaks,
    }


def _ours(
    precision: str, children: list[Child], reference: list[Child], measured: Measurements, work: Slice
) -> dict[str, Any]:
    rates = [peak["flops_per_second"] for peak in measured.peaks]
    best = {kind: max(rate[kind] for rate in rates) for kind in rates[0]}
    floor = measured.floors[precision].seconds(best, precision)
    rows = children[0].answer["trials"]
    return {
        **_shared(children, rows, None if children is reference else reference),
        "seconds_by_round": [child.seconds for child in children],
        "extrapolated": False,
        "trials_run": children[0].answer["num_trials"],
        "condition_seconds": _named(_medians([layercut_round(child) for child in children])),
        "records_hashes": sorted({child.answer["records_hash"] for child in children}),
        "work_flops": measured.floors[precision]._asdict(),
        "peak_flops_per_second": best,
        "floor_seconds": floor,
        "floor_fraction": Spread.of([floor / child.seconds for child in children])._asdict(),
    }


def _theirs(
    children: list[Child], reference: list[Child], epochs: dict[tuple[Condition, int], int], work: Slice
) -> dict[str, Any]:
    outside = seconds_outside_epochs(children)
    rounds = [rival_round(child, epochs, work.num_trials(), outside) for child in children]
    rows = [row for child in children for row in child.answer["trials"]]
    whole = {(r["strategy"], r["cut"], r["replicate"]): r for r in rows if r["complete"]}
    checks = [each.check for each in rounds if each.check is not None]
    return {
        **_shared(children, list(whole.values()), reference),
        "seconds_by_round": [each.study_seconds for each in rounds],
        "extrapolated": any(each.extrapolated for each in rounds),
        "trials_run": len(whole),
        "extrapolated_over_measured": checks,
        "condition_seconds": _named(_medians([each.by_condition for each in rounds])),
        "choices": children[0].answer["choices"],
    }


def _shared(children: list[Child], rows: list[dict[str, Any]], reference: list[Child] | None) -> dict[str, Any]:
    compared = reference and agreement(reference[0].answer["trials"], rows)
    return {
        "processes": [child.without_answer() for child in children],
        "peak_memory_bytes": max(child.peak_memory_bytes for child in children),
        "accuracy": {
            _name(condition): {
                "n": len(members),
                "mean": statistics.mean(row["test_accuracy"] for row in members),
                "sd": statistics.stdev([row["test_accuracy"] for row in members]) if len(members) > 1 else None,
            }
            for condition, members in by_condition(rows).items()
        },
        "against_layercut": compared and {**compared._asdict(), "agrees": compared.agrees},
    }


def _medians(rounds: list[dict[Condition, float]]) -> dict[Condition, float]:
    return {condition: statistics.median(each[condition] for each in rounds) for condition in rounds[0]}


def _named(values: dict[Condition, float]) -> dict[str, float]:
    return {_name(condition): value for condition, value in values.items()}


def _name(condition: Condition) -> str:
    strategy, cut = condition
    return "scratch" if strategy == "scratch" else f"cut {cut}"


def render(result: dict[str, Any]) -> str:
    """Return the comparison as text."""
    design = result["slice"]
    num_trials = design["trials"]
    scratch = " and scratch" if design["with_scratch"] else ""
    lines = [
        f"MNIST 0-4 -> 5-9, {100 * design['fraction']:g} %, freeze_reinit at cuts {design['cuts']}{scratch}: "
        f"{num_trials} trials; medians of {result['rounds']} rounds (least - greatest)",
        "",
        *_study_table(result["contenders"], num_trials),
        "",
        *_condition_table(result["contenders"]),
        "",
        *_floor_lines(result["contenders"]),
    ]
    return "\n".join(lines)


def _study_table(contenders: dict[str, Any], num_trials: int) -> list[str]:
    bases = list(next(iter(contenders.values()))["times_layercut"])
    head = ["contender", "study s", "trial s", *(f"/ {base}" for base in bases), "peak MiB", "trials run", "accuracy"]
    rows = [head]
    reference = next(iter(contenders))
    for name, row in contenders.items():
        study = row["study_seconds"]
        rows.append(
            [
                name,
                f"{study['median']:.1f} ({study['least']:.1f} - {study['greatest']:.1f}){'*' * row['extrapolated']}",
                f"{row['trial_seconds']:.2f}",
                *(_ratio(row["times_layercut"][base]) for base in bases),
                f"{row['peak_memory_bytes'] / 2**20:,.0f}",
                f"{row['trials_run']} of {num_trials}",
                _accuracy(row["against_layercut"]) if name != reference else "reference",
            ]
        )
    notes = ["  accuracy: rival's test accuracy less layercut's on the same trials, in points; layercut merges trials"]
    for name, row in contenders.items():
        if row["extrapolated"]:
            checks = ", ".join(f"{check:.2f}" for check in row["extrapolated_over_measured"]) or "no whole trial"
            notes.append(
                f"* {name}: {row['trials_run']} trials run whole, the others extrapolated from measured epochs at "
                f"every condition; extrapolated / measured where both are known: {checks}"
            )
        if row.get("choices"):
            notes.append(f"  {name} ran with {', '.join(f'{key} {value}' for key, value in row['choices'].items())}")
    return [*_aligned(rows), *notes]


def _condition_table(contenders: dict[str, Any]) -> list[str]:
    conditions = list(next(iter(contenders.values()))["condition_seconds"])
    rows = [["seconds a trial", *conditions]]
    base = next(iter(contenders.values()))["condition_seconds"]
    for name, row in contenders.items():
        seconds = row["condition_seconds"]
        rows.append([name, *(f"{seconds[c]:.2f} ({seconds[c] / base[c]:.1f} x)" for c in conditions)])
    rows.append(["test accuracy", *("" for _ in conditions)])
    for name, row in contenders.items():
        rows.append([name, *(_mean_and_sd(row["accuracy"].get(c)) for c in conditions)])
    return _aligned(rows)


def _floor_lines(contenders: dict[str, Any]) -> list[str]:
    lines = []
    for name, row in contenders.items():
        if "floor_seconds" not in row:
            continue
        work, peak, fraction = row["work_flops"], row["peak_flops_per_second"], row["floor_fraction"]
        lines += [
            f"{name}: {sum(work.values()) / 1e12:.2f} TFLOP had to be done (features {work['features'] / 1e12:.2f}, "
            f"training {work['training'] / 1e12:.2f}, evaluation {work['evaluation'] / 1e12:.2f}); "
            f"peak of all cores {peak['float32'] / 1e9:.0f} GFLOP/s float32, {peak['bfloat16'] / 1e9:.0f} bfloat16",
            f"  floor {row['floor_seconds']:.1f} s, floor_fraction {fraction['median']:.2f} "
            f"({fraction['least']:.2f} - {fraction['greatest']:.2f})",
        ]
    return lines


def _accuracy(compared: dict[str, Any] | None) -> str:
    if compared is None:
        return "no whole trial"
    error = compared["standard_error"]
    within = {True: "within noise", False: "NOT within noise", None: "noise unknown"}[compared["agrees"]]
    spread = f" ± {100 * error:.2f}" if error else ""
    return f"{100 * compared['mean_difference']:+.2f}{spread} (n = {compared['num_trials']}; {within})"


def _mean_and_sd(accuracy: dict[str, Any] | None) -> str:
    if accuracy is None:
        return "-"
    return f"{accuracy['mean']:.3f}" + (f" ± {accuracy['sd']:.3f}" if accuracy["sd"] is not None else "")


def _ratio(spread: dict[str, float]) -> str:
    return f"{spread['median']:.1f} ({spread['least']:.1f} - {spread['greatest']:.1f})"


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
