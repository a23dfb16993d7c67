"""A magic of another package brings its own facts, through an entry point."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from .conversation import Conversation

PACKAGE = '''
from reactive_kernel import CellFacts


def facts(line, body):
    """`%%shout NAME`: reads the names in the body, writes NAME."""
    return CellFacts(reads=frozenset(body.split()), writes=frozenset(line.split()))


def load_ipython_extension(shell):
    def shout(line, body):
        values = [str(shell.user_ns[name]) for name in body.split()]
        shell.user_ns[line.strip()] = " ".join(values).upper()

    shell.register_magic_function(shout, "cell")
'''


def install(place: Path, entry_points: str) -> None:
    (place / "shouting.py").write_text(PACKAGE)
    about = place / "shouting-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(entry_points)


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, starter: Callable[..., AbstractContextManager[Conversation]]
) -> Iterator[Conversation]:
    """A kernel whose environment has two magics: one that can be analysed, one whose package is broken."""
    place = tmp_path_factory.mktemp("site")
    install(place, "[reactive_kernel.magics]\nshout = shouting:facts\nbroken = shouting:nothing\n")
    with starter(path=str(place)) as kernel:
        kernel.execute("%load_ext shouting")
        yield kernel


def test_a_magics_own_facts_join_the_graph(kernel: Conversation):
    kernel.document(a="word = 'quiet'", b="%%shout loud\nword", c="print(loud)")
    assert kernel.graph["b"] == {"reads": ["word"], "writes": ["loud"], "parents": ["a"], "children": ["c"]}
    assert kernel.text("c") == "QUIET\n"


def test_a_change_goes_through_the_magic(kernel: Conversation):
    kernel.document(a="word = 'quiet'", b="%%shout loud\nword", c="print(loud)")
    assert kernel.execute("word = 'psst'", "a").ran == ["a", "b", "c"]
    assert kernel.text("c") == "PSST\n"


def test_a_magic_that_cannot_be_loaded_harms_nobody(kernel: Conversation):
    kernel.document(a="x = 1", b="%%broken\nx", c="print(x)")
    assert kernel.text("c") == "1\n"


TOKENS = """
from IPython.core.inputtransformer2 import TokenTransformBase
class Two(TokenTransformBase):
    @classmethod
    def find(cls, tokens_by_line):
        for line in tokens_by_line:
            for token in line:
                if token.string == "zwei":
                    return cls(token.start)
    def transform(self, lines):
        line = lines[self.start_line]
        lines[self.start_line] = line[: self.start_col] + "2" + line[self.start_col + 4 :]
        return lines
get_ipython().input_transformer_manager.token_transformers.append(Two)
"""


def test_whoever_rewrites_tokens_is_asked_for_every_cell(alone: Conversation):
    alone.open()
    alone.sync({"a": TOKENS, "b": "x = zwei\ny = x + zwei"})
    alone.run("a", "b")
    assert alone.value("y") == "4"
