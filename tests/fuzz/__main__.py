"""`python -m tests.fuzz --sequences N --seed S [--kernel]`: mismatches, made small, and the two figures."""

from __future__ import annotations

import argparse
import random
import sys
import time

from .drive import Mismatch, Tally, drive
from .notebooks import Story, sequence
from .shrink import shrink


def counterexample(seed: int) -> tuple[Story, Mismatch] | None:
    """The sequence of that seed made small, if it shows a mismatch."""
    mismatch, _ = drive(sequence(seed))
    if mismatch is None:
        return None
    small = shrink(sequence(seed), lambda smaller: _kind(smaller) == mismatch.kind)
    again, _ = drive(small)
    return small, again or mismatch


def _kind(sequence: Story) -> str | None:
    mismatch, _ = drive(sequence)
    return mismatch.kind if mismatch else None


def campaign(seeds: range, most: int = 5, seconds: float = float("inf")) -> tuple[int, list[int], Tally]:
    """Drive the sequences of those seeds; answer how many there were, which failed, and the figures."""
    total, failed, count = Tally(), list[int](), 0
    end = time.monotonic() + seconds
    for seed in seeds:
        mismatch, tally = drive(sequence(seed))
        total.add(tally)
        count += 1
        if mismatch is not None:
            failed.append(seed)
            if len(failed) >= most:
                break
        if time.monotonic() > end:
            break
    return count, failed, total


def report(count: int, failed: list[int], total: Tally) -> str:
    needed = total.runs - total.needless
    ratio = f"{total.runs / needed:.3f}" if needed else "-"
    return (
        f"{count} sequences, {len(failed)} mismatches {failed or ''}; {total.checks} checks"
        f" ({total.undecided} undecided); {total.runs} cells run / {needed} had to run = {ratio}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--most", type=int, default=5, help="stop after so many mismatches")
    parser.add_argument("--kernel", action="store_true", help="through a real kernel, over its sockets")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 30) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    seeds = range(seed, seed + options.sequences)
    if options.kernel:
        from .sockets import campaign as kernel_campaign

        count, failed, total = kernel_campaign(seeds, options.most)
        print(report(count, failed, total))
        return bool(failed)
    count, failed, total = campaign(seeds, options.most)
    for each in failed:
        found = counterexample(each)
        if found:
            print(f"\nseed {each}: {found[1]}\n{found[0]}\n")
    print(report(count, failed, total))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
