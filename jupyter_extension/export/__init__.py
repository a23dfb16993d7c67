"""Exporters for nbconvert that run the notebook first: `jupyter nbconvert --to reactive_html`."""

from .exporters import ReactiveHTMLExporter, ReactiveNotebookExporter, ReactiveScriptExporter

__all__ = ["ReactiveHTMLExporter", "ReactiveNotebookExporter", "ReactiveScriptExporter"]
