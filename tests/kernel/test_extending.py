"""The worked examples of `docs/extending.md` do what the page says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from .conversation import Conversation

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
FILE = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)```", re.DOTALL)
POINTS = re.compile(r"<!-- entry points -->\n```toml\n(.*?)```", re.DOTALL)


def install(place: Path) -> None:
    """The page's files as an installed package."""
    page = PAGE.read_text("utf-8")
    for name, text in FILE.findall(page):
        (place / name).write_text(text)
    about = place / "letters-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: letters\nVersion: 1.0\n")
    points = re.sub(r'project\.entry-points\."([\w.]+)"', r"\1", POINTS.findall(page)[0])
    (about / "entry_points.txt").write_text(points.replace('"', ""))


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, starter: Callable[..., AbstractContextManager[Conversation]]
) -> Iterator[Conversation]:
    place = tmp_path_factory.mktemp("site")
    install(place)
    with starter(path=str(place)) as kernel:
        yield kernel


def test_a_template_reruns_with_the_names_in_it(kernel: Conversation):
    kernel.document(a="who = 'world'", b="%%letter greeting\nDear {who},", c="print(greeting)")
    assert kernel.text("c") == "Dear world,\n\n"
    assert kernel.graph["b"] == {
        "reads": ["who"],
        "writes": ["greeting"],
        "parents": ["a"],
        "children": ["c"],
    }
    assert kernel.execute("who = 'reader'", "a").ran == ["a", "b", "c"]
    assert kernel.text("c") == "Dear reader,\n\n"


def test_a_template_without_a_name_says_the_way_out(kernel: Conversation):
    kernel.document(a="%%letter\nDear,")
    assert "`%%letter NAME`" in kernel.cells["a"]["reason"]["message"]


def test_the_new_resource_has_a_version_for_each_cell(kernel: Conversation):
    kernel.document(
        a="import socket, timeout\nget_ipython().kernel.observer.follow(timeout.Timeout())",
        b="print(socket.getdefaulttimeout())",
        c="socket.setdefaulttimeout(3)",
        d="print(socket.getdefaulttimeout())",
    )
    assert (kernel.text("b"), kernel.text("d")) == ("None\n", "3.0\n")
    assert kernel.execute("socket.setdefaulttimeout(5)", "c").ran == ["c", "d"]
    assert kernel.execute("print(socket.getdefaulttimeout())", "b").shown() == "None\n"
    assert kernel.text("d") == "5.0\n"
