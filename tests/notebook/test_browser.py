"""A plot's HTML in a real browser, as a notebook shows it."""

from pathlib import Path

import pytest

from layercut.notebook import plot
from support.fake_results import fake_results

CHROMIUM = Path("/usr/bin/chromium")

if not CHROMIUM.exists():
    pytest.skip(f"no browser at {CHROMIUM}", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.mark.parametrize("before", ["", "<script>window.define = Object.assign(() => {}, {amd: {}})</script>"])
def test_a_plot_draws_itself_where_another_brought_the_library_too(before, tmp_path):
    table = fake_results(num_replicates=4, fractions=(0.1,), num_blocks=1)
    shown = [plot(table, name) for name in ("mean_heatmap", "cut_boxes")]
    text = f"<!doctype html><meta charset=utf-8>{before}{''.join(one._repr_html_() for one in shown)}"
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"file://{tmp_path}/page.html")
        panels = sum(len(one.charts[0].panels) for one in shown)
        page.wait_for_function(f"document.querySelectorAll('.layercut-panel .main-svg').length >= {panels}")
        browser.close()


def test_two_plots_draw_themselves_with_one_library_and_without_the_network(tmp_path):
    table = fake_results(num_replicates=4, fractions=(0.1, 1.0))
    first, second = plot(table), plot(table, "mean_heatmap")
    page_text = f"<!doctype html><meta charset=utf-8>{second.html(bundle=False)}{first.html()}"
    (tmp_path / "page.html").write_text(page_text, encoding="utf-8")
    problems = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: request.url.startswith("file:") or problems.append(request.url))
        page.goto(f"file://{tmp_path}/page.html")
        num_panels = len(first.charts[0].panels) + len(second.charts[0].panels)
        page.wait_for_function(f"document.querySelectorAll('.layercut-panel .main-svg').length >= {num_panels}")
        assert page.locator(".layercut-panel").count() == num_panels
        page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
        browser.close()
    assert problems == []
