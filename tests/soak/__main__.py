"""The work of `build.py soak`: what holds for a few cases in the tests, over thousands of them.

  loaders   pictures, volumes, models with their cards and job files, each mutated N times: a result or a GidError
            within 10 s, nothing else
  blend     what the add-on keeps in a .blend, changed N times: a result or a GidError
  kills     commands, batches, bakes, the live worker and Blender, killed at random moments and run again: the bytes of
            a run that was left alone, and nothing else beside them
  disks     disks that fill up, limits and quotas, drives and folders that vanish, at random moments
  predict   predictions that are cancelled at random moments: the memory that this process and its child hold
  large     an 8K still, and a loop of four hours of which a farm's task renders a second: peak memory (once each)

Prints a table; exits with 1 if there is a fault. `blend` runs inside a Blender, the others outside.
"""

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Part -> its module, its function, how often.
PARTS = {
    "loaders": ("loaders", "loaders", 10_000),
    "blend": ("blend", "blend", 10_000),
    "kills": ("kills", "kills", 100),
    "disks": ("disks", "disks", 25),
    "predict": ("memory", "cancelled_predictions", 1_000),
    "large": ("memory", "large", 1),
}
ROWS = ("loaders", "kills", "disks")  # parts of several kinds


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="build.py soak", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="NAME", choices=PARTS, help=", ".join(PARTS))
    parser.add_argument("--count", type=int, help="how often; default: that of the part")
    parser.add_argument("--seed", type=int, default=0, help="another one tries other cases; default: %(default)s")
    parser.add_argument("--only", metavar="TEXT", help=f"rows whose name holds this; for {', '.join(ROWS)}")
    options = parser.parse_args(arguments)
    if options.only and not set(options.names) <= set(ROWS):
        parser.error(f"--only is for {', '.join(ROWS)}")
    worst, chosen = 0, {"only": options.only} if options.only else {}
    for name in options.names:
        module, function, count = PARTS[name]
        part = getattr(importlib.import_module("tests.soak." + module), function)
        for what, cases, faults, told in part(options.count or count, options.seed, **chosen):
            print(f"{what:28} {cases:>7} {len(faults):>5} faults  {told}", flush=True)
            for fault in sorted(set(faults))[:5]:
                print(f"    {fault}", flush=True)
            worst = max(worst, int(bool(faults)))
    return worst


if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # Python put this folder there
    sys.exit(main())
