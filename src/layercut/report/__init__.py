"""The report of a study: one HTML file, and figures for papers."""

from layercut.report.build import REPORT_NAME, build_page, write_figures, write_report, write_tables
from layercut.report.facts import StudyFacts, read_facts

__all__ = ["REPORT_NAME", "StudyFacts", "build_page", "read_facts", "write_figures", "write_report", "write_tables"]
