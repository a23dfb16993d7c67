"""The exporters run the notebook in dependency order, then export as nbconvert does."""

import nbformat
import pytest
from nbconvert.exporters import get_exporter
from nbconvert.utils.exceptions import ConversionException
from nbformat.v4 import new_code_cell, new_notebook

SPEC = {"name": "reactive", "display_name": "Python 3 (Reactive)", "language": "python"}


def notebook(*sources: str) -> nbformat.NotebookNode:
    cells = [new_code_cell(source, id=f"c{place}") for place, source in enumerate(sources)]
    return new_notebook(cells=cells, metadata={"kernelspec": SPEC})


def exported(name: str, *sources: str, **options: object) -> str:
    return get_exporter(name)(**options).from_notebook_node(notebook(*sources))[0]


def test_a_notebook_is_exported_with_the_outputs_of_its_run():
    text = exported("reactive_notebook", "print('y is', x + 1)", "x = 1")
    first = nbformat.reads(text, as_version=4).cells[0]
    assert [output["text"] for output in first.outputs] == ["y is 2\n"]


def test_a_page_shows_the_outputs_of_its_run():
    assert "y is 42" in exported("reactive_html", "print('y is', 6 * 7)")


def test_a_script_has_been_run_and_is_the_code():
    assert "x = 6 * 7" in exported("reactive_script", "x = 6 * 7")


def test_a_notebook_that_fails_is_not_exported():
    with pytest.raises(ConversionException, match="c1"):
        exported("reactive_html", "x = 1", "x / 0")


def test_a_notebook_that_fails_is_exported_where_errors_are_allowed():
    assert "ZeroDivisionError" in exported("reactive_html", "1 / 0", allow_errors=True)
