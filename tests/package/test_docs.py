"""The pages that people read: links lead somewhere, and no page is left out of the index."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def links(page: Path) -> list[str]:
    return LINK.findall(CODE.sub("", page.read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    """What a code host names the headings of a page."""
    headings = HEADING.findall(CODE.sub("", page.read_text("utf-8")))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path):
    lost: list[str] = []
    for link in links(page):
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", place):
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    reached, waiting = {index}, [index]
    while waiting:
        page = waiting.pop()
        found = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
        new = {each for each in found if each.suffix == ".md" and each.exists()} - reached
        reached |= new
        waiting += new
    assert set((ROOT / "docs").rglob("*.md")) - reached == set()


def test_the_page_of_settings_is_what_the_code_says():
    printed = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_settings.py"],
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ).stdout
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == printed


def test_every_room_is_on_the_map():
    told = (ROOT / "docs" / "rooms.md").read_text("utf-8")
    rooms = [*(ROOT / "reactive_kernel").rglob("*.py"), *(ROOT / "jupyter_extension").rglob("*.py")]
    rooms += [
        *(ROOT / "labextension" / "src").rglob("*.ts"),
        *(ROOT / "labextension" / "classic").rglob("*.ts"),
    ]
    assert [str(room.relative_to(ROOT)) for room in sorted(rooms) if not _is_told(room, told)] == []


def _is_told(room: Path, told: str) -> bool:
    """By its own name, or by that of the package that it is a part of."""
    if room.name in ("__init__.py", "__main__.py", "_version.py", "index.ts"):
        return True
    packages = [
        f"{each.relative_to(ROOT)}/`" for each in room.parents if each.is_relative_to(ROOT) and each != ROOT
    ]
    return f"{room.name}`" in told or any(package in told for package in packages)
