"""P6: many trivial builds at once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import docker

from bot.domain.suites import Network
from tests.bench import bare
from tests.bench.figures import Figure
from tests.bench.product import patient, product

_BUILDS: Final = 40
_AT_ONCE: Final = 4


def measure() -> Iterator[Figure]:
    for kind in (Network.NONE, Network.INTERNET):
        before = _bare(kind)
        ours = _ours(kind)
        yield Figure(
            name="P6",
            what=f"{_BUILDS} trivial builds, {_AT_ONCE} workers, network {kind.value}",
            value=ours,
            unit="s",
            limit=(before + _bare(kind)) / 2,
            against="as many containers of the bare engine, as many at a time",
        )


def _ours(kind: Network) -> float:
    """Seconds from the first webhook to the last verdict."""
    with product(network_default=kind.value, workers=str(_AT_ONCE)) as running:
        chain = running.repository("team/hello", "true", commits=_BUILDS + 1)
        chain.push(chain.commits[-1])
        chain.ended(chain.commits[-1])
        hooks = running.github.hooks
        hooks.hold()
        for sha in chain.commits[:-1]:
            running.github.push(chain.repo, f"b-{sha}", sha)
        began = time.monotonic()
        hooks.release()
        patient(lambda: running.runs_ended() > _BUILDS, "the builds did not end", pause=0.1)
        return time.monotonic() - began


def _bare(kind: Network) -> float:
    engines = [bare.client() for _ in range(_AT_ONCE)]
    began = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda engine: _many(engine, kind), engines))
    took = time.monotonic() - began
    for engine in engines:
        engine.close()
    return took


def _many(engine: docker.APIClient, kind: Network) -> None:
    for _ in range(_BUILDS // _AT_ONCE):
        bare.cycle(engine, kind)
