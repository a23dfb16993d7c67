"""After any operation on any notebook, what is marked fresh shows what a fresh run would show."""

from __future__ import annotations

import os
import random

from .__main__ import campaign, counterexample, report

SEQUENCES = int(os.environ.get("REACTIVE_FUZZ_SEQUENCES", "300"))


def test_no_sequence_of_operations_leaves_a_cell_fresh_that_is_not():
    seed = int(os.environ.get("REACTIVE_FUZZ_SEED") or random.SystemRandom().randrange(1 << 30))
    print(f"REACTIVE_FUZZ_SEED={seed}")
    count, failed, total = campaign(range(seed, seed + SEQUENCES), most=2, seconds=80)
    print(report(count, failed, total))
    found = [f"seed {each}: {small[1]}\n{small[0]}" for each in failed if (small := counterexample(each))]
    assert not failed, "\n\n".join(found)
    assert total.undecided < total.checks / 20
