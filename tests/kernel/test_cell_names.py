"""The fast hash of cells' texts is the slow one."""

from __future__ import annotations

import random
from importlib.util import find_spec, module_from_spec

from reactive_kernel.cell_names import murmur2


def _theirs():
    """As ipykernel has it, whatever was put in its place."""
    spec = find_spec("ipykernel.compiler")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.murmur2_x86


def test_all_texts_have_the_names_that_debuggers_expect():
    theirs, generator = _theirs(), random.Random(7)
    letters = ["a", "=", "\n", " ", "\x00", "\x7f", "é", "ß", "€", "\U0001f600"]
    for length in [*range(20), 333]:
        for seed in (0, 0xC70F6907, 0xFFFFFFFF):
            text = "".join(generator.choices(letters, k=length))
            assert murmur2(text, seed) == theirs(text, seed), (text, seed)
