"""With a cluster, too, what is marked fresh shows what a fresh run would, after any operation."""

from __future__ import annotations

import os
import random

import pytest

from reactive_kernel.engine.cluster import Cluster
from tests.fuzz.notebooks import sequence

from .afar import FarDriver, driven

SEQUENCES = int(os.environ.get("REACTIVE_FUZZ_ENGINE_SEQUENCES", "12"))


@pytest.mark.parametrize("kinds", ["names", "mutation"])
def test_no_sequence_of_operations_leaves_a_cell_fresh_that_is_not(cluster: Cluster, kinds):
    seed = int(os.environ.get("REACTIVE_FUZZ_SEED") or random.SystemRandom().randrange(1 << 30))
    print(f"REACTIVE_FUZZ_SEED={seed}")
    FarDriver.cluster, before = cluster, FarDriver.away
    for each in range(seed, seed + SEQUENCES):
        story = sequence(each, kinds)
        mismatch, _ = driven(story)
        assert mismatch is None, f"seed {each}: {mismatch}\n{story}"
    assert FarDriver.away > before
