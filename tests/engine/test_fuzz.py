"""With a cluster, too, what is marked fresh shows what a fresh run would, after any operation."""

from __future__ import annotations

import os
import random
from itertools import product

from reactive_kernel.engine.cluster import Cluster
from tests.fuzz.notebooks import Kinds, sequence

from .afar import FarDriver, driven

SEQUENCES = int(os.environ.get("REACTIVE_FUZZ_ENGINE_SEQUENCES", "12"))


def test_no_sequence_of_operations_leaves_a_cell_fresh_that_is_not(cluster: Cluster):
    seed = int(os.environ.get("REACTIVE_FUZZ_SEED") or random.SystemRandom().randrange(1 << 30))
    print(f"REACTIVE_FUZZ_SEED={seed}")
    FarDriver.cluster, before = cluster, FarDriver.away
    kinds: tuple[Kinds, ...] = ("names", "mutation")
    for kind, each in product(kinds, range(seed, seed + SEQUENCES)):
        story = sequence(each, kind)
        mismatch, _ = driven(story)
        assert mismatch is None, f"{kind}, seed {each}: {mismatch}\n{story}"
    # Of names alone few leave, of a dozen sequences perhaps none.
    assert FarDriver.away > before
