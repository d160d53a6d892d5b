"""From a ledger to a report and figures."""

import json
import re

import pytest

from layercut.errors import LedgerError, UserError
from layercut.figures import words
from layercut.figures.study_tables import StudyTables
from layercut.ledger import Ledger
from layercut.records import ProbeRecord
from layercut.report import StudyFacts, build_page, read_facts, write_figures, write_report, write_tables
from layercut.report.sections import condition_rows
from layercut.stats import load_results
from support.fake_ledger import write_ledger
from support.fake_results import fake_results
from support.packed_page import unpacked

EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    table = fake_results(failed=(12,), fractions=(0.1, 1.0), targets=(EVIL,))
    meta = {
        "study_name": EVIL,
        "study_text": f"name: {EVIL}\n",
        "command": f"layercut run {EVIL}",
        "seed": 3,
        "plan": {
            "conditions_nominal": 62, "conditions_distinct": 38, "trials_nominal": 620, "trials_distinct": 380,
            "warnings": [EVIL],
        },
    }  # fmt: skip
    return write_ledger(tmp_path_factory.mktemp("run"), table, meta)


def text_of(path):
    page = path.read_text(encoding="utf-8").replace("\u00a0", " ")
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_the_report_lies_beside_the_ledger_and_needs_nothing_else(run):
    path = write_report(run)
    page = path.read_text(encoding="utf-8")
    assert path == run / "report.html"
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="(?!data:)', page)
    assert len(page) < 2.5e6


def test_writing_again_gives_the_same_page(run):
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first
    assert not list(run.glob("*.part"))


def test_names_that_look_like_markup_are_shown_as_text(run):
    page = write_report(run).read_text(encoding="utf-8")
    assert EVIL not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page


def test_the_card_tells_what_was_run(run):
    facts = dict(fact[:2] for fact in build_page(load_results(run), read_facts(run)).facts)
    assert facts["Trials"] == "620 asked for, 240 merged with equivalent ones; 379 finished, 1 failed"
    assert facts["Conditions"] == "62, of which 38 distinct"
    assert facts["Versions"] == "layercut 1.2.3, Python 3.11.7, torch 2.9.1, numpy 2.4.6"
    assert re.fullmatch("[0-9a-f]{64}", facts["Records hash"])
    assert facts["Seed"] == "3"


def test_the_table_has_one_row_a_condition_with_all_its_names(run):
    results = load_results(run)
    rows = build_page(results, read_facts(run)).rows
    assert len(rows) == results["condition"].nunique() == 2 * 19
    named = {row.cells[0].text: row for row in rows if row.cells[1].text == "–"}
    assert set(named) == {"scratch", "finetune"}
    assert named["finetune"].cells[0].hint == "also freeze at cut 0, reinit at cut 4, truncate at cut 4"
    assert named["finetune"].strategies == ("freeze", "reinit", "finetune", "truncate")


def test_a_condition_is_tested_in_the_table_as_in_the_answer(run):
    tables = StudyTables.read(run)
    rows = condition_rows(tables.estimates, tables.contrasts, [context for context, _ in tables.contexts()])
    for best in tables.best:
        (row,) = (
            row
            for row in rows
            if row.fraction == words.fraction_label(best.fraction)
            and row.cells[0].text == best.strategy
            and row.cells[1].text in ("–", str(best.cut))
        )
        assert row.cells[9].order == best.p_holm


def test_a_page_repeats_the_answer_of_the_page_value(run):
    page = build_page(load_results(run), read_facts(run))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text_of(write_report(run))))
    for answer in page.parts[0].answers:
        assert answer.sentence in text


def test_a_study_without_validation_images_chooses_nothing_and_says_so(tmp_path):
    table = fake_results(num_replicates=3, fractions=(0.1,), num_blocks=2, validation=False)
    folder = write_ledger(tmp_path / "run", table)
    text = re.sub(r"\s+", " ", text_of(write_report(folder)))
    assert "No cut is chosen." in text
    assert "No choice at 10 % of the data: 9 conditions without validation accuracy" in text
    assert "No trial has finished" not in text
    assert "chosen on validation" not in text
    files = {path.name: path for path in write_tables(folder, tmp_path / "tables")}
    assert "| no choice |" in files["best_cuts.md"].read_text(encoding="utf-8")


def test_an_empty_ledger_says_so(tmp_path):
    path = write_report(write_ledger(tmp_path / "empty", fake_results().iloc[:0]))
    assert "This ledger holds no trial yet" in text_of(path)
    assert write_figures(tmp_path / "empty", tmp_path / "figures") == []


def test_a_study_of_failures_has_no_answer_and_shows_them(tmp_path):
    table = fake_results(num_replicates=1, fractions=(0.1,), num_blocks=1, failed=range(13))
    text = text_of(write_report(write_ledger(tmp_path / "failed", table)))
    assert "No trial has finished" in text
    assert "the loss became NaN in epoch 3" in text


def test_no_ledger_is_an_error_that_names_the_place(tmp_path):
    with pytest.raises(LedgerError, match=re.escape(str(tmp_path))):
        write_report(tmp_path)


def test_figures_are_written_in_each_format(run, tmp_path):
    paths = write_figures(run, tmp_path / "figures", "svg")
    assert {"cut_boxes.svg", "accuracy_surface.svg", "timing.svg"} < {path.name for path in paths}
    assert all(path.read_text(encoding="utf-8").startswith("<?xml") for path in paths)
    with pytest.raises(UserError, match="svg, pdf, png"):
        write_figures(run, tmp_path, "gif")


def test_figures_of_several_contexts_are_numbered(tmp_path):
    table = fake_results(sources=("a", "b"), num_replicates=2, fractions=(0.1,), strategies=("scratch", "reinit"))
    paths = write_figures(write_ledger(tmp_path / "two", table), tmp_path / "figures", "png")
    assert [path.name for path in paths][:2] == ["cut_boxes-1.png", "cut_boxes-2.png"]


def test_probes_without_trials_have_their_figures(tmp_path):
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append(
            [
                ProbeRecord(f"{layer}{n}", "clustering", "a", layer, 1.0, n, "target", "train", {"ari": n / 10})
                for layer in ("conv0", "conv1")
                for n in range(3)
            ]
        )
    page = build_page(StudyTables.read(tmp_path), read_facts(tmp_path / "ledger.sqlite"))
    assert [chart.name for part in page.parts for chart in part.charts] == ["probe_by_layer", "cluster_boxes"]
    assert "no trial yet" in text_of(write_report(tmp_path))


def test_the_rows_of_the_page_are_those_of_the_table(run):
    rows = json.loads(unpacked(write_report(run).read_text(encoding="utf-8"), "data"))["tables"]["conditions"]["rows"]
    assert len(rows) == 38
    assert not any(row["m"] for row in rows)


def test_the_page_says_how_to_cite_and_reproduce(run):
    text = text_of(write_report(run))
    assert "layercut run &lt;script&gt;" in text
    assert "@software{layercut," in text
    assert read_facts(run / "ledger.sqlite").records_hash[:16] in text


def test_what_every_answer_says_is_said_once(run):
    (part,) = build_page(load_results(run), read_facts(run)).parts
    assert part.headline.startswith("Transfer helps at 10 %")
    assert part.notes == ("Chosen by validation accuracy (ties by log loss) among 19 distinct conditions.",)
    assert not any("Chosen by" in note for one in part.answers for note in one.notes)


def test_many_contexts_are_folded_under_a_line_each(tmp_path):
    table = fake_results(sources=tuple("abcd"), num_replicates=6, fractions=(0.1,), strategies=("scratch", "reinit"))
    text = text_of(write_report(write_ledger(tmp_path / "four", table)))
    assert text.count('<details class="context">') == 4


def test_a_card_of_many_sources_counts_them(tmp_path):
    table = fake_results(
        sources=tuple(f"s{n}" for n in range(12)), num_replicates=1, fractions=(0.1,), strategies=("reinit",)
    )
    pretrainings = tuple((f"s{n}", "plain_cnn", 0.5 + n / 100) for n in range(12))
    facts = dict(fact[:2] for fact in build_page(table, StudyFacts("many", pretrainings=pretrainings)).facts)
    assert facts["Source"] == "s0; s1; s2; s3 and 8 more"
    assert facts["Source models"] == "12, with 50.0 % to 61.0 % test accuracy on their own tasks"


def test_the_best_condition_of_each_fraction_is_on_top(run):
    rows = build_page(load_results(run), read_facts(run)).rows
    for fraction in ("10 %", "100 %"):
        means = [row.cells[4].order for row in rows if row.fraction == fraction]
        assert means == sorted(means, reverse=True)
