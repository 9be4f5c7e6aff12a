"""`python -m tests.soak --minutes 30 --seed 7`: ends with 1 when something that must hold did not.

The same seed gives the same people and the same accidents at the same moments.
"""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.soak.plan import FAULTS
from tests.soak.play import play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--reports", type=Path, default=Path("soak"), help="where the report is written")
    wanted = parser.parse_args()
    sys.stdout.write(f"seed {wanted.seed}, {wanted.minutes:g} minutes\n")
    with tempfile.TemporaryDirectory(prefix="assay-soak-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        report = play(folder, wanted.reports, wanted.seed, wanted.minutes)
    places = report.write(wanted.reports, FAULTS)
    sys.stdout.write(f"{report.text(FAULTS)}\n{' '.join(map(str, places))}\n")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
