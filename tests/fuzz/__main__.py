"""`python -m tests.fuzz --sequences N --seed S [--kernel | --engine] [--mutation | --names] [--jobs J]`.

Mismatches, made small, and the figures: checks that the oracle cannot decide, cells that stay unproven, and
how many cells ran for each that had to.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from .campaign import Figures, campaign, counterexample
from .notebooks import Kinds

# So many sequences go to a process at a time.
_SHARE = 200


def _side_by_side(seeds: range, kinds: Kinds | None, most: int, jobs: int) -> Iterator[Figures]:
    """The same in several processes, a share of the seeds at a time."""
    shares = [seeds[at : at + _SHARE] for at in range(0, len(seeds), _SHARE)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for figures in pool.map(campaign, shares, [kinds] * len(shares), [most] * len(shares)):
            yield figures
            most -= len(figures.failed)
            if most <= 0:
                pool.shutdown(wait=False, cancel_futures=True)
                return


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--most", type=int, default=5, help="stop after so many mismatches")
    parser.add_argument("--shrunk", type=int, default=5, help="make so many of them small")
    parser.add_argument("--jobs", type=int, default=1, help="in so many processes")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--kernel", action="store_true", help="through a real kernel, over its sockets")
    where.add_argument("--engine", action="store_true", help="with a real Dask cluster beside it")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--mutation", dest="kinds", action="store_const", const="mutation")
    only.add_argument("--names", dest="kinds", action="store_const", const="names")
    return parser.parse_args()


def main() -> int:
    options = _parsed()
    seed = random.SystemRandom().randrange(1 << 30) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    seeds = range(seed, seed + options.sequences)
    started = time.monotonic()
    if options.kernel:
        from .sockets import campaign as kernel_campaign

        figures = kernel_campaign(seeds, options.kinds, options.most)
    elif options.engine:
        from tests.engine.afar import campaign as engine_campaign

        figures = engine_campaign(seeds, options.kinds, options.most)
    else:
        figures = Figures()
        for each in _side_by_side(seeds, options.kinds, options.most, options.jobs):
            figures.add(each)
            print(f"\r{figures.count}, mismatches: {figures.failed}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        _explain(figures.failed[: options.shrunk], options.kinds)
    rate = figures.count / (time.monotonic() - started)
    print(f"{figures}; {rate:.1f} sequences a second")
    return bool(figures.failed)


def _explain(failed: list[int], kinds: Kinds | None) -> None:
    for each in failed:
        found = counterexample(each, kinds)
        if found:
            print(f"\nseed {each}: {found[1]}\n{found[0]}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
