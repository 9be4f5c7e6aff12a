"""P4 and P5: how fast webhooks are verified and stored, and what the largest one costs."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.bench.figures import Figure, median, percentile
from tests.bench.product import Product, product
from tests.bench.senders import Answered, send

_CONNECTIONS: Final = 64
_SMALL: Final = 30_000
_LARGEST: Final = 25 << 20
_REQUESTS: Final = 6_000
_ROUNDS: Final = 3


def measure() -> Iterator[Figure]:
    with product(module="tests.bench.web") as web, product(module="tests.bench.bareweb") as bare:
        yield from _rate(web, bare, of_size(push_payload(web), _SMALL))
    with product() as whole:
        yield from _largest(whole, push_payload(whole))


def push_payload(running: Product) -> dict[str, Any]:
    """A payload as the forge sends it."""
    chain = running.repository("team/hello", "true", commits=1)
    running.github.hooks.hold()
    running.github.push(chain.repo, "gone", chain.commits[0])
    held = running.github.hooks.held
    assert held
    running.github.hooks.release(())
    return held[0].payload


def of_size(push: dict[str, Any], size: int) -> bytes:
    """The payload of a deleted branch that has that size by its commits, of which the forge sends 2,048 at most."""
    gone = {**push, "deleted": True, "after": "0" * 40, "head_commit": None, "commits": []}
    one = {**push["head_commit"], "modified": [f"src/package/module_{number}.py" for number in range(4)]}
    room, each = size - len(json.dumps(gone)), len(json.dumps(one)) + 2
    count = min(room // each, 2048)
    message = "Words. " * ((room // count - each) // 7)
    commits = [{**one, "id": f"{number:040x}", "message": message} for number in range(count)]
    body = json.dumps({**gone, "commits": commits}).encode()
    return body[:1] + b" " * (size - len(body)) + body[1:]


def _rate(web: Product, bare: Product, body: bytes) -> Iterator[Figure]:
    for each in (web, bare):
        _run(each, body, _REQUESTS // 4)
    ours, theirs = [], []
    for _ in range(_ROUNDS):
        ours.append(_run(web, body, _REQUESTS))
        theirs.append(_run(bare, body, _REQUESTS))
    for what, unit, of in (
        (f"pushes of 30 kB stored, {_CONNECTIONS} connections", "/s", lambda one: one.rate),
        ("the same for each second of the server's CPU", "/s", lambda one: one.rate_per_core),
        ("99 of 100 answered within", "ms", lambda one: 1000 * percentile(one.seconds, 0.99)),
    ):
        yield Figure(
            name="P4",
            what=what,
            value=median(map(of, ours)),
            unit=unit,
            limit=median(map(of, theirs)),
            against="a bare server that checks, reads and forgets it",
        )


def _run(web: Product, body: bytes, count: int) -> Answered:
    requests = [web.request("/webhooks/github", "push", body) for _ in range(count)]
    before = web.cpu()
    answered = send(web.port, requests, connections=_CONNECTIONS, expected=202)
    answered.cpu = web.cpu() - before
    return answered


def _largest(whole: Product, push: dict[str, Any]) -> Iterator[Figure]:
    request = [whole.request("/webhooks/github", "push", of_size(push, _LARGEST - 1000))]
    others: list[float] = []
    done = threading.Event()
    beside = threading.Thread(target=_ask_on, args=(whole, done, others))
    time.sleep(2)
    before = whole.memory()
    whole.forget_peak()
    beside.start()
    answered = send(whole.port, request, connections=1, expected=202)
    time.sleep(3)  # what is done with it afterwards counts as well
    done.set()
    beside.join()
    body = len(request[0]) / 1e6
    yield Figure(
        name="P5",
        what="memory more for a delivery of 25 MiB, at most",
        value=whole.peak() - before,
        unit="MB",
        limit=3 * body,
        against="goal: three times the body",
    )
    yield Figure(
        name="P5",
        what="its answer",
        value=1000 * answered.seconds[0],
        unit="ms",
        limit=1000,
        against="goal",
    )
    yield Figure(name="P5", what="slowest answer to others meanwhile (/healthz)", value=1000 * max(others), unit="ms")


def _ask_on(whole: Product, done: threading.Event, seconds: list[float]) -> None:
    while not done.is_set():
        began = time.monotonic()
        whole.http.get("/healthz").raise_for_status()
        seconds.append(time.monotonic() - began)
        time.sleep(0.01)
