"""The report in a real browser: Debian's Chromium, where there is one."""

from pathlib import Path

import pytest

from fake_ledger import write_ledger
from fake_results import fake_results
from layercut.report import build_page, read_facts, write_report
from layercut.stats import load_results

CHROMIUM = Path("/usr/bin/chromium")
EVIL = "<script>alert(1)</script>"

if not CHROMIUM.exists():
    pytest.skip(f"no browser at {CHROMIUM}", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    table = fake_results(sources=("a", EVIL), num_replicates=6, fractions=(0.1, 1.0), failed=(12,))
    folder = write_ledger(tmp_path_factory.mktemp("run"), table, {"study_text": EVIL, "command": "layercut run x"})
    write_report(folder)
    return folder


@pytest.fixture(params=["light", "dark"])
def page(browser, run, request):
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("dialog", lambda dialog: page.problems.append(dialog.message))
    page.on(
        "request",
        lambda request: request.url.startswith(("file:", "data:", "blob:")) or page.problems.append(request.url),
    )
    page.goto(f"file://{run}/report.html")
    page.wait_for_function("document.querySelectorAll('.part:not([hidden]) .plot .main-svg').length > 0")
    yield page
    context.close()


def column(page, number):
    return page.locator(f"#table tbody tr:visible td:nth-child({number})").all_inner_texts()


def test_nothing_is_asked_of_the_network_and_nothing_goes_wrong(page):
    page.locator("#context").select_option("1")
    assert page.problems == []


def test_every_figure_of_the_shown_context_is_drawn(page):
    plots = page.locator(".part:not([hidden]) .plot")
    assert plots.count() == 2 + 6 + 6
    marks = "plot => plot.querySelectorAll('.boxes path.box, .scatterlayer path.point, .heatmaplayer image').length"
    assert all(plot.evaluate(marks) > 0 for plot in plots.element_handles())


def test_the_answer_is_the_one_of_the_ledger(page, run):
    shown = [" ".join(text.split()) for text in page.locator(".sentence").all_inner_texts()]
    parts = build_page(load_results(run), read_facts(run)).parts
    assert shown == [answer.sentence for part in parts for answer in part.answers]


def test_another_context_replaces_the_figures(page):
    page.locator("#context").select_option("1")
    assert page.locator(".part:visible").count() == 1
    assert page.locator(".part:visible .plot .main-svg").count() > 0


def test_the_table_sorts_by_number_both_ways(page):
    page.get_by_role("button", name="Mean", exact=True).click()
    falling = [float(text) for text in column(page, 6) if text != "–"]
    assert falling == sorted(falling, reverse=True)
    page.get_by_role("button", name="Mean", exact=True).click()
    rising = [float(text) for text in column(page, 6) if text != "–"]
    assert rising == sorted(rising)
    assert rising[0] < rising[-1]


def test_missing_numbers_stay_last_in_either_direction(page):
    for _ in range(2):
        page.get_by_role("button", name="p (Holm)", exact=True).click()
        assert column(page, 11)[-1] == "–"


def test_the_table_can_be_restricted(page):
    page.locator("[data-filter=strategy]").select_option("reinit")
    page.locator("[data-filter=fraction]").select_option("10 %")
    assert page.locator("#shown").inner_text() == "10 of 124"
    assert {text.split("\n")[0] for text in column(page, 2)} == {"reinit"}


def test_the_legend_hides_a_strategy_in_all_panels(page):
    figure = page.locator(".part:visible [data-name=cut_boxes]")
    boxes = figure.locator(".boxes path.box")
    before = boxes.count()
    figure.get_by_role("button", name="finetune").click()
    page.wait_for_function(
        f"document.querySelectorAll('.part:not([hidden]) [data-name=cut_boxes] .boxes path.box').length < {before}"
    )
    assert boxes.count() == before - 2 * 5


@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_never_scrolls_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_printing_shows_dark_text_on_white(page):
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf()[:4] == b"%PDF"
    assert page.problems == []
