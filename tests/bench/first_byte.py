"""P1 and P3: from a webhook to the first byte that the suite prints, and from its last byte to the final check."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.domain.suites import Network
from tests.bench import bare
from tests.bench.bare import Cycle
from tests.bench.figures import Figure, milliseconds
from tests.bench.product import Chain, product, uptime_now

_REPOSITORIES: Final = 6
"""Each in an account of its own: a forge's pace of writes for one installation must not hold up what is measured."""
_SAMPLES: Final = 2
"""In each repository, so that its installation's burst of writes is enough."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds."""

    first_byte: float
    """From the webhook on."""
    check: float
    """From the last byte on until the forge has the suite's final check."""
    aggregate: float
    """The same for the check of the whole build."""


def measure() -> Iterator[Figure]:
    for kind in (Network.INTERNET, Network.NONE):
        yield from _with(kind)


def _with(kind: Network) -> Iterator[Figure]:
    engine = bare.client()
    held, new, limits = [], [], []
    with product(network_default=kind.value) as running:
        script = f"{bare.UPTIME}\n{bare.UPTIME}"
        chains = [running.repository(f"team{one}/hello", script, commits=6) for one in range(_REPOSITORIES)]
        for chain in chains:
            _sample(chain, chain.commits[3])
        for number in range(_SAMPLES):
            for chain in chains:
                held.append(_sample(chain, chain.commits[number]))
                limits.append(bare.cycle(engine, kind))
        for chain in chains:
            new.append(_sample(chain, chain.commits[4]))
            limits.append(bare.cycle(engine, kind))
    engine.close()
    yield from _figures(kind, held, new, limits)


def _sample(chain: Chain, sha: str) -> Sample:
    left = chain.push(sha)
    check = chain.ended(sha)
    aggregate = chain.ended(sha, "assay")
    lines = chain.product.log(check.external_id).splitlines()
    first, last = (uptime_now() + float(line.split()[0]) for line in (lines[0], lines[-1]))
    time.sleep(0.3)  # until the run is cleaned up, which belongs to no figure here
    return Sample(first - left, check.history[-1]["at"] - last, aggregate.history[-1]["at"] - last)


def _figures(kind: Network, held: list[Sample], new: list[Sample], limits: list[Cycle]) -> Iterator[Figure]:
    bare_first = milliseconds(one.first_byte for one in limits)
    against = "first output of the bare engine, same profile"
    for what, samples in (("commit in the mirror", held), ("commit to be fetched", new)):
        yield Figure(
            name="P1",
            what=f"webhook to first byte, network {kind.value}, {what}",
            value=milliseconds(one.first_byte for one in samples),
            unit="ms",
            limit=bare_first,
            against=against,
        )
    ends = milliseconds(one.ended for one in limits)
    for what in ("check", "aggregate"):
        yield Figure(
            name="P3",
            what=f"last byte to final {what} at the forge, network {kind.value}",
            value=milliseconds(getattr(one, what) for one in held + new),
            unit="ms",
            limit=ends,
            against="last output of the bare engine to its word that it ended",
        )
