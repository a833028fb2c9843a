"""Reports of evaluations and comparisons, as HTML pages and Markdown."""

from sentiment.reports.comparison import comparison_report
from sentiment.reports.document import write_report
from sentiment.reports.evaluation import evaluation_report

__all__ = ["comparison_report", "evaluation_report", "write_report"]
