"""R7 and R8 of the reliability goals: answers to webhooks, and how soon the forge hears the end."""

import time
from collections.abc import Iterator
from typing import Final

from tests.bench.figures import Figure, median, percentile
from tests.bench.intake import of_size, push_payload
from tests.bench.product import Chain, patient, product
from tests.bench.senders import send

_LARGE: Final = 100_000
_CALLS: Final = 400
_CONNECTIONS: Final = 8
_BUILDS: Final = 20
_AWAY: Final = 5
"""Builds whose ends wait while the forge is away."""


def measure() -> Iterator[Figure]:
    with product() as whole:
        body = of_size(push_payload(whole), _LARGE)
        requests = [whole.request("/webhooks/github", "push", body) for _ in range(_CALLS)]
        answered = send(whole.port, requests, connections=_CONNECTIONS, expected=202)
        yield Figure(
            name="R7",
            what=f"99 of 100 deliveries of 100 kB answered within, {_CONNECTIONS} connections",
            value=1000 * percentile(answered.seconds, 0.99),
            unit="ms",
            limit=300,
            against="goal",
        )
    yield from _ends()


def _ends() -> Iterator[Figure]:
    """Of builds one after the other, then of builds that ended while the forge was away."""
    with product() as whole:
        chain = whole.repository("team/hello", "true", commits=_BUILDS + _AWAY)
        seconds = [_until_end(chain, sha) for sha in chain.commits[:_BUILDS]]
        yield Figure(
            name="R8",
            what="95 of 100 final checks are there after their push within",
            value=percentile(seconds, 0.95),
            unit="s",
            limit=5,
            against="goal, which counts from the end of the run",
        )
        before = whole.runs_ended()
        whole.github.fail_next("/check-runs", how=503, count=100_000)
        for sha in chain.commits[_BUILDS:]:
            chain.push(sha)
        patient(lambda: whole.runs_ended() >= before + _AWAY, "the builds did not end", pause=0.1)
        whole.github.fail_no_more()
        began = time.monotonic()
        late = []
        for sha in chain.commits[_BUILDS:]:
            chain.ended(sha)
            late.append(time.monotonic() - began)
        yield Figure(
            name="R8",
            what=f"{_AWAY} ends are shown after the forge is back, median {median(late):.1f} s, the last",
            value=late[-1],
            unit="s",
            limit=60,
            against="goal",
        )


def _until_end(chain: Chain, sha: str) -> float:
    began = time.monotonic()
    chain.push(sha)
    chain.ended(sha)
    return time.monotonic() - began
