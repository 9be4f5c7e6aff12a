"""What a heap of pushes to one repository costs in writes to the forge, and how late its last checks come."""

from collections.abc import Iterator
from typing import Final

from tests.bench.bare import UPTIME
from tests.bench.figures import Figure, milliseconds
from tests.bench.product import CHECK, product, uptime_now

_PUSHES: Final = 20
"""More than one installation's burst of writes has room for."""
_NAMES: Final = (CHECK, "assay")


def measure() -> Iterator[Figure]:
    """One push after the other, each as soon as the run before has ended on the forge."""
    late: dict[str, list[float]] = {name: [] for name in _NAMES}
    with product() as running:
        chain = running.repository("team/hello", f"{UPTIME}\n{UPTIME}", commits=_PUSHES)
        for sha in chain.commits:
            chain.push(sha)
            check = chain.ended(sha)
            last = uptime_now() + float(running.log(check.external_id).splitlines()[-1].split()[0])
            late[CHECK].append(check.history[-1]["at"] - last)
            late["assay"].append(chain.ended(sha, "assay").history[-1]["at"] - last)
        shown = [run for sha in chain.commits for run in running.github.check_runs(chain.repo, sha)]
    writes = sum(len(run.history) for run in shown)
    yield Figure(name="P12", what="writes to the forge for a push with one suite", value=writes / _PUSHES, unit="")
    for name, seconds in late.items():
        what = f"last byte to final {name}, of {_PUSHES} pushes in a row"
        yield Figure(name="P12", what=f"{what}, median", value=milliseconds(seconds), unit="ms")
        yield Figure(name="P12", what=f"{what}, slowest", value=max(seconds) * 1000, unit="ms")
