"""The report in a real browser: Debian's Chromium, where there is one."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layercut.figures import FIGURES
from layercut.figures.study_tables import StudyTables
from layercut.ledger import Ledger
from layercut.records import ProbeRecord
from layercut.report import build_page, read_facts, write_report
from layercut.stats import load_results
from support.fake_kept import write_kept
from support.fake_ledger import write_ledger
from support.fake_representations import write_made_up
from support.fake_results import fake_results

CHROMIUM = Path("/usr/bin/chromium")
EVIL = "<script>alert(1)</script>"

if not CHROMIUM.exists():
    pytest.skip(f"no browser at {CHROMIUM}", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    table = fake_results(sources=("a", EVIL), num_replicates=9, fractions=(0.1, 1.0), failed=(12,))
    meta = {"study_text": EVIL, "command": f"layercut run {EVIL}", "study_name": EVIL}
    folder = write_ledger(tmp_path_factory.mktemp("run"), table, meta, curves=True)
    with Ledger(folder) as ledger:
        ledger.append(
            [
                ProbeRecord(
                    f"{source}{cut}{n}", EVIL, source, layer, 1.0, n, "target", "train", {"ari": cut + n}, cut=cut
                )
                for source in ("a", EVIL)
                for cut, layer in enumerate(("conv0", "conv1", "conv2", "conv3", EVIL))
                for n in range(6)
            ]
        )
        ledger.set_meta("probes", {EVIL: {"kind": "labels", "directions": {"ari": "higher"}}})
        ledger.set_meta("probings", {"": EVIL})
    write_kept(folder, table)
    write_made_up(folder, table, lambda source: f"{source}00")
    write_report(folder)
    return folder


def noise(message):
    """Whether a message is about the speed of drawing in software, which a machine without a GPU does."""
    return "GPU stall due to ReadPixels" in message.text or "willReadFrequently" in message.text


@pytest.fixture
def page(browser, run, request):
    scheme = getattr(request, "param", "light")
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: noise(message) or page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("dialog", lambda dialog: page.problems.append(dialog.message))
    page.on(
        "request",
        lambda request: request.url.startswith(("file:", "data:", "blob:")) or page.problems.append(request.url),
    )
    page.goto(f"file://{run}/report.html")
    page.wait_for_selector("html[data-ready]")
    yield page
    context.close()


def column(page, number):
    return page.locator(f"#conditions tbody tr td:nth-child({number})").all_inner_texts()


def figure_of(page, name):
    """Return a figure, open and drawn."""
    figure = page.locator(f"#part details[data-name={name}]")
    if not figure.evaluate("one => one.open"):
        figure.locator("summary").click()
    figure.scroll_into_view_if_needed()
    figure.locator(".plot .main-svg").first.wait_for()
    return figure


MARKS = """plot => plot.querySelectorAll(
    '.boxes path.box, .scatterlayer path.point, .scatterlayer path.js-line, .heatmaplayer image, .barlayer path, ' +
    '.layer-above image, .layer-below image, canvas'
).length"""


def test_nothing_is_asked_of_the_network_and_nothing_goes_wrong(page):
    page.locator("#context").select_option("1")
    figure_of(page, "difference_to_scratch")
    assert page.problems == []


@pytest.mark.slow
@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_every_figure_is_drawn_with_something_in_it(page, run):
    expected = [chart.name for chart in build_page(StudyTables.read(run), read_facts(run)).parts[0].charts]
    names = page.locator("#part details").evaluate_all("all => all.map(one => one.dataset.name)")
    assert names == expected
    # Four sources and more, sources of the study's own, classification reports, learning rates to choose: not here.
    others = {"probe_rank_correlation", "source_accuracy", "class_scores", "learning_rates"}
    assert set(names) == set(FIGURES.names()) - others
    for name in names:
        plots = figure_of(page, name).locator(".panel:not([hidden]) .plot").all()
        assert plots
        for plot in plots:
            plot.scroll_into_view_if_needed()
            plot.locator(".main-svg").first.wait_for()
            assert plot.evaluate(MARKS) > 0, name
    assert page.problems == []


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_bars_are_filled_with_the_colour_of_their_strategy(page, tmp_path):
    plot = figure_of(page, "accuracy_bars").locator(".plot").first
    styles = plot.evaluate("plot => plot.data.filter(one => one.type === 'bar').map(one => one.marker.color)")
    assert len(set(styles)) == 6
    bars = plot.locator(".barlayer .bars").all()
    for style, bar in zip(styles, bars, strict=True):
        box = bar.locator("path").first.bounding_box()
        clip = {"x": box["x"] + 1, "y": box["y"] + box["height"] / 2, "width": box["width"] - 2, "height": 12}
        picture = tmp_path / "bar.png"
        page.screenshot(path=str(picture), clip=clip)
        pixels = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3).astype(int)
        near = np.abs(pixels - [int(style[at : at + 2], 16) for at in (1, 3, 5)]).max(axis=1) < 48
        assert near.mean() > 0.4, style


def drawn(page):
    return page.locator("#part .plot.js-plotly-plot").count()


def test_only_what_is_near_the_window_is_drawn_and_nothing_jumps(page):
    figure_of(page, "cut_boxes")
    assert 0 < drawn(page) < page.locator("#part details[open] .panel:not([hidden])").count()
    height = page.evaluate("document.documentElement.scrollHeight")
    page.locator("#part details[open] .plot").last.scroll_into_view_if_needed()
    page.locator("#part details[open] .plot").last.locator(".main-svg").first.wait_for()
    assert page.evaluate("document.documentElement.scrollHeight") == height


def test_paper_gets_every_panel_of_every_open_figure(page):
    page.wait_for_selector("html[data-drawing]")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    plots = page.locator("#part details[open] .panel:not([hidden]) .plot").element_handles()
    assert len(plots) > 8
    assert all(plot.evaluate(MARKS) > 0 for plot in plots)


def test_all_figures_open_and_fold_at_once(page):
    opened = page.locator("#part details[open]")
    few = opened.count()
    page.get_by_role("button", name="Open all figures").click()
    assert few < opened.count() == page.locator("#part details").count()
    page.get_by_role("button", name="Fold all figures").click()
    assert opened.count() == 0


def test_the_answer_is_the_one_of_the_ledger(page, run):
    shown = [" ".join(text.split()) for text in page.locator(".sentence").all_inner_texts()]
    parts = build_page(load_results(run), read_facts(run)).parts
    assert shown == [answer.sentence for part in parts for answer in part.answers]


def test_another_context_replaces_the_figures(page):
    first = figure_of(page, "mean_heatmap").locator(".plot").first.evaluate("plot => plot.data[0].z")
    page.locator("#context").select_option("1")
    page.wait_for_timeout(300)
    second = figure_of(page, "mean_heatmap").locator(".plot").first.evaluate("plot => plot.data[0].z")
    assert first != second


def test_a_fraction_of_the_data_alone_is_shown_on_request(page):
    figure = figure_of(page, "cut_boxes")
    assert figure.locator(".panel:visible h4").all_inner_texts() == ["10 % of the data", "100 % of the data"]
    page.locator("[data-facet=fraction]").select_option("100 %")
    assert figure.locator(".panel:visible h4").all_inner_texts() == ["100 % of the data"]
    assert figure_of(page, "mean_heatmap").locator(".panel:visible").count() == 6


def test_a_strategy_alone_is_shown_on_request_with_scratch_to_compare(page):
    figure = figure_of(page, "cut_boxes")
    page.locator("[data-facet=strategy]").select_option("reinit")
    assert figure.locator(".panel").first.locator(".boxes path.box").count() == 5
    seen = "plot => plot.data.filter(trace => trace.visible).map(trace => trace.name)"
    assert figure.locator(".plot").first.evaluate(seen) == ["reinit", "scratch (median)"]
    assert figure_of(page, "mean_heatmap").locator(".panel:visible h4").all_inner_texts() == ["reinit"]


def test_epochs_can_stand_on_a_logarithmic_axis(page):
    figure = figure_of(page, "learning_curves")
    figure.get_by_label("logarithmic axis of epochs").check()
    assert figure.locator(".plot").first.evaluate("plot => plot.layout.xaxis.type") == "log"


def test_the_legend_hides_a_strategy_in_all_panels(page):
    figure = figure_of(page, "cut_boxes")
    boxes = figure.locator(".boxes path.box")
    before = boxes.count()
    figure.get_by_role("button", name="finetune").click()
    assert boxes.count() == before - 2 * 5


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_light_and_dark_can_be_chosen(page):
    background = "getComputedStyle(document.body).backgroundColor"
    color = "plot => plot.layout.font.color"
    before = page.evaluate(background), figure_of(page, "cut_boxes").locator(".plot").first.evaluate(color)
    page.locator("#theme").click()
    after = page.evaluate(background), figure_of(page, "cut_boxes").locator(".plot").first.evaluate(color)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_the_table_sorts_by_number_both_ways(page):
    page.get_by_role("button", name="Mean", exact=True).click()
    falling = [float(text) for text in column(page, 6) if text != "–"]
    assert falling == sorted(falling, reverse=True)
    page.get_by_role("button", name="Mean", exact=True).click()
    rising = [float(text) for text in column(page, 6) if text != "–"]
    assert rising == sorted(rising)
    assert rising[0] < rising[-1]


def test_missing_numbers_stay_last_in_either_direction(page):
    page.locator("#conditions [data-filter=f]").select_option("10 %")
    for _ in range(2):
        page.get_by_role("button", name="p (Holm)", exact=True).click()
        assert column(page, 11)[-1] == "–"


def test_the_table_can_be_restricted_to_a_strategy_under_whatever_name_its_rows_are_shown(page):
    page.locator("#conditions [data-filter=f]").select_option("10 %")
    page.locator("#conditions [data-filter=s]").select_option("reinit")
    assert page.locator("#conditions .shown").inner_text() == "10 of 76"
    assert {text.split("\n")[0] for text in column(page, 2)} == {"reinit", "scratch", "finetune"}
    page.locator("#conditions [data-filter=s]").select_option("finetune")
    assert {text.replace("\n", "") for text in column(page, 2)} == {
        "finetunealso freeze at cut 0, reinit at cut 4, truncate at cut 4"
    }


def test_long_tables_have_pages(page):
    assert page.locator("#conditions tbody tr").count() == 50
    first = column(page, 6)
    page.get_by_role("button", name="Next").click()
    assert page.locator("#conditions .page").inner_text() == "51 to 76"
    assert page.get_by_role("button", name="Next").is_disabled()
    page.get_by_role("button", name="Back").click()
    assert column(page, 6) == first


def test_letters_stand_above_the_boxes_that_are_shown(page):
    figure = figure_of(page, "cut_boxes")
    plot = figure.locator(".plot").first
    letters = "plot => plot.layout.annotations.map(one => [one.name, one.x, one.text])"
    assert {name for name, *_ in plot.evaluate(letters)} >= {"freeze_reinit", "truncate"}
    page.locator("[data-facet=strategy]").select_option("reinit")
    alone = plot.evaluate(letters)
    assert [(name, x) for name, x, _ in alone] == [("reinit", cut) for cut in range(5)]


def test_the_scoreboard_is_a_table_that_sorts_and_shows_each_fixed_cut_on_request(page):
    rows = page.locator("#probes tbody tr")
    before = rows.count()
    names = set(page.locator("#probes tbody td:nth-child(2)").all_inner_texts())
    assert names == {EVIL, "[a cut at random]"}
    page.locator("#probes").get_by_role("button", name="Lost").click()
    lost = [float(text) for text in page.locator("#probes tbody td:nth-child(11)").all_inner_texts()]
    assert lost == sorted(lost, reverse=True)
    page.locator("#probes .on-request").check()
    assert rows.count() > before
    assert "With hindsight, one fixed cut would have been enough" in page.locator("#probes .verdicts").inner_text()


def test_choosing_among_sources_is_a_table_of_its_own(page):
    assert set(page.locator("#sources tbody td:nth-child(1)").all_inner_texts()) == {EVIL, "[a cut at random]"}
    page.locator("#sources").get_by_role("button", name="Lost").click()
    lost = [float(text) for text in page.locator("#sources tbody td:nth-child(10)").all_inner_texts()]
    assert lost == sorted(lost, reverse=True)
    assert any("at cut" in text for text in page.locator("#sources tbody td:last-child").all_inner_texts())
    assert page.problems == []


def test_answer_and_tables_do_not_wait_for_what_draws(browser, run, tmp_path):
    text = (run / "report.html").read_text(encoding="utf-8")
    (tmp_path / "report.html").write_text(re.sub(r'(id="plotly">)[^<]*', r"\1", text), encoding="utf-8")
    page = browser.new_page()
    page.goto(f"file://{tmp_path}/report.html")
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#conditions tbody tr").count() == 50
    assert page.locator(".sentence").count() == 4
    page.close()


def test_the_page_never_scrolls_sideways(page):
    for width in (1200, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("page", ["dark"], indirect=True)
def test_printing_shows_dark_text_on_white(page):
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf()[:4] == b"%PDF"
    assert page.problems == []
