"""R7 and R8 of the reliability goals: answers to webhooks, and how soon the forge shows the end."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from typing import Final

from tests.bench.figures import Figure, median, percentile
from tests.bench.intake import of_size, push_payload
from tests.bench.product import CHECK, Chain, Product, patient, product
from tests.bench.senders import send

_LARGE: Final = 100_000
_LARGEST: Final = (25 << 20) - 1000
_CALLS: Final = 400
_CONNECTIONS: Final = 8
_OWNERS: Final = 5
_BUILDS: Final = 4
"""Of each owner: so many that the writes of its installation, one a second after a burst, hold nothing up."""
_AWAY: Final = 12
"""Builds that end while the forge is away; all of them run when that begins."""
_AWAY_SCRIPT: Final = "sleep 20"
_AWAY_SECONDS: Final = 30.0
_NAMES: Final = ("assay", CHECK)


def measure() -> Iterator[Figure]:
    with product() as whole:
        yield from _answers(whole)
    with product() as whole:
        yield from _ends(whole)
    with product(workers=f"{_AWAY}") as whole:
        yield _recovery(whole)


def _answers(whole: Product) -> Iterator[Figure]:
    payload = push_payload(whole)
    for what, size, count, connections, limit in (
        (
            f"99 of 100 deliveries of 100 kB answered within, {_CONNECTIONS} at once",
            _LARGE,
            _CALLS,
            _CONNECTIONS,
            300,
        ),
        ("a delivery of 25 MiB answered within", _LARGEST, 3, 1, 2000),
    ):
        body = of_size(payload, size)
        requests = [whole.request("/webhooks/github", "push", body) for _ in range(count)]
        answered = send(whole.port, requests, connections=connections, expected=202)
        value = 1000 * percentile(answered.seconds, 0.99)
        yield Figure(name="R7", what=what, value=value, unit="ms", limit=limit, against="goal")


def _ends(whole: Product) -> Iterator[Figure]:
    """One build after the other, of several installations in turn."""
    chains = [whole.repository(f"team-{number}/hello", "true", commits=_BUILDS) for number in range(_OWNERS)]
    since_push, since_end = [], []
    for number in range(_BUILDS):
        for chain in chains:
            sha = chain.commits[number]
            began = time.time()
            chain.push(sha)
            _shown(chain, sha)
            now = time.time()
            since_push.append(now - began)
            since_end.append(now - _ended_at(whole)[sha])
    yield Figure(
        name="R8",
        what="95 of 100 final states are shown after the run's end within",
        value=percentile(since_end, 0.95),
        unit="s",
        limit=5,
        against="goal",
    )
    what = f"the same after the push, median {median(since_push):.1f} s"
    yield Figure(name="R8", what=what, value=percentile(since_push, 0.95), unit="s")


def _recovery(whole: Product) -> Figure:
    """Of builds that ended while all calls to the forge were answered with 503."""
    chain = whole.repository("team/away", _AWAY_SCRIPT, commits=_AWAY)
    for sha in chain.commits:
        chain.push(sha)
    patient(lambda: _started(whole) == _AWAY, "not all runs were started", pause=0.05)
    began = time.monotonic()
    whole.github.fail_next("/api/v3/", how=503, count=1_000_000)
    patient(lambda: all(_ended_at(whole).values()), "the builds did not end", pause=0.1)
    time.sleep(max(0.0, began + _AWAY_SECONDS - time.monotonic()))
    waiting = [sha for sha in chain.commits if not _is_shown(chain, sha)]
    whole.github.fail_no_more()
    healed = time.monotonic()
    for sha in waiting:
        _shown(chain, sha)
    return Figure(
        name="R8",
        what=f"{len(waiting)} ends are shown after {healed - began:.0f} s of 503, the last within",
        value=time.monotonic() - healed,
        unit="s",
        limit=60,
        against="goal",
    )


def _shown(chain: Chain, sha: str) -> None:
    for name in _NAMES:
        chain.ended(sha, name)


def _is_shown(chain: Chain, sha: str) -> bool:
    found = [chain.product.github.check_runs(chain.repo, sha, name) for name in _NAMES]
    return all(checks and checks[-1].status == "completed" for checks in found)


def _started(whole: Product) -> int:
    return sum(bool(at) for at in _moments(whole, "started_at").values())


def _ended_at(whole: Product) -> Mapping[str, float]:
    return _moments(whole, "finished_at")


def _moments(whole: Product, what: str) -> Mapping[str, float]:
    """By the commits of all runs: seconds since 1970, 0 while it has not come to that."""
    with contextlib.closing(sqlite3.connect(f"file:{whole.folder}/data/assay.db?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT sha, started_at, finished_at FROM run")
        return {sha: (started if what == "started_at" else ended) or 0.0 for sha, started, ended in rows}
