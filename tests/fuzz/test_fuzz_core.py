"""After any operation on any notebook, what is marked fresh shows what a fresh run would show."""

from __future__ import annotations

import os
import random

from .campaign import campaign, counterexample

SEQUENCES = int(os.environ.get("REACTIVE_FUZZ_SEQUENCES", "300"))
# At most this part of the checks may be ones that the oracle cannot decide.
UNDECIDED = 0.1


def test_no_sequence_of_operations_leaves_a_cell_fresh_that_is_not():
    seed = int(os.environ.get("REACTIVE_FUZZ_SEED") or random.SystemRandom().randrange(1 << 30))
    print(f"REACTIVE_FUZZ_SEED={seed}")
    figures = campaign(range(seed, seed + SEQUENCES), most=2, seconds=80)
    print(figures)
    found = [
        f"seed {each}: {small[1]}\n{small[0]}" for each in figures.failed if (small := counterexample(each))
    ]
    assert not figures.failed, "\n\n".join(found)
    assert figures.tally.undecided < figures.tally.checks * UNDECIDED
