"""`python -m tests.bench [NAME…]`: run the named benchmarks, or all, and show every figure beside its limit.

Only the ratios mean anything, and only within one run: other machines, other hours and whatever else runs beside it
change the figures themselves by tens of percent. Nothing here fails because of a time.
"""

import argparse
from collections.abc import Mapping
from typing import Final

from tests.bench import (
    builds,
    checkout,
    first_byte,
    idle,
    intake,
    logpage,
    logs,
    promises,
    results,
    suitefiles,
    wake,
    writes,
)
from tests.bench.figures import Benchmark, Figure, header, show

BENCHMARKS: Final[Mapping[str, Benchmark]] = {
    "first-byte": first_byte.measure,
    "intake": intake.measure,
    "builds": builds.measure,
    "logs": logs.measure,
    "checkout": checkout.measure,
    "idle": idle.measure,
    "suite-files": suitefiles.measure,
    "writes": writes.measure,
    "wake": wake.measure,
    "results": results.measure,
    "log-page": logpage.measure,
    "promises": promises.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.partition(":")[2].strip())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(BENCHMARKS)}")
    wanted = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        parser.error(f"no benchmark is called {unknown[0]}")
    found: list[Figure] = []
    for name in wanted:
        for figure in BENCHMARKS[name]():
            show(figure.line)
            found.append(figure)
    show("\n" + header())
    for figure in sorted(found, key=lambda one: (one.name[0], int(one.name[1:]))):
        show(figure.line)


if __name__ == "__main__":
    main()
