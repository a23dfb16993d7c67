"""What holds for the core holds for a kernel, over its sockets."""

from __future__ import annotations

import os
import random

from .sockets import campaign

SEQUENCES = int(os.environ.get("REACTIVE_FUZZ_KERNEL_SEQUENCES", "10"))


def test_no_sequence_of_messages_leaves_a_cell_fresh_that_is_not():
    seed = int(os.environ.get("REACTIVE_FUZZ_SEED") or random.SystemRandom().randrange(1 << 30))
    print(f"REACTIVE_FUZZ_SEED={seed}")
    figures = campaign(range(seed, seed + SEQUENCES), most=1, seconds=80)
    print(figures)
    assert not figures.failed
