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
_REQUESTS: Final = 12_000
_ROUNDS: Final = 3


def measure() -> Iterator[Figure]:
    with product(module="tests.bench.web") as web:
        push = _push(web)
        yield from _rate(web, _of_size(push, _SMALL))
    with product() as whole:
        yield from _largest(whole, _push(whole))


def _push(running: Product) -> dict[str, Any]:
    """A payload as the forge sends it."""
    chain = running.repository("team/hello", "true", commits=1)
    running.github.hooks.hold()
    running.github.push(chain.repo, "gone", chain.commits[0])
    (delivery,) = running.github.hooks.held or ()
    running.github.hooks.release(())
    return delivery.payload


def _of_size(push: dict[str, Any], size: int) -> bytes:
    """The payload of a deleted branch, with as many commits and names of files as it takes to fill that size."""
    gone = {**push, "deleted": True, "after": "0" * 40, "head_commit": None, "commits": []}
    one = {**push["head_commit"], "added": [f"src/package/module_{number}.py" for number in range(20)]}
    count = (size - len(json.dumps(gone))) // (len(json.dumps(one)) + 2)
    body = json.dumps({**gone, "commits": [{**one, "id": f"{number:040x}"} for number in range(count)]}).encode()
    return body[:1] + b" " * (size - len(body)) + body[1:]


def _rate(web: Product, body: bytes) -> Iterator[Figure]:
    _run(web, body, _REQUESTS // 4)
    rounds = [_run(web, body, _REQUESTS) for _ in range(_ROUNDS)]
    refused = [_run(web, body, _REQUESTS, "/webhooks/nobody") for _ in range(_ROUNDS)]
    against = "the same server that refuses each body when it has read it"
    yield Figure(
        name="P4",
        what=f"pushes of 30 kB stored, {_CONNECTIONS} connections",
        value=median(one.rate for one in rounds),
        unit="/s",
        limit=median(one.rate for one in refused),
        against=against,
    )
    yield Figure(
        name="P4",
        what="the same for each second of the server's CPU",
        value=median(one.rate_per_core for one in rounds),
        unit="/s",
        limit=median(one.rate_per_core for one in refused),
        against=against,
    )
    yield Figure(
        name="P4",
        what="99 of 100 answered within",
        value=1000 * median(percentile(one.seconds, 0.99) for one in rounds),
        unit="ms",
        limit=1000 * median(percentile(one.seconds, 0.99) for one in refused),
        against=against,
    )


def _run(web: Product, body: bytes, count: int, path: str = "/webhooks/github") -> Answered:
    requests = [web.request(path, "push", body) for _ in range(count)]
    before = web.cpu()
    answered = send(web.port, requests, connections=_CONNECTIONS, expected=202 if "github" in path else 401)
    answered.cpu = web.cpu() - before
    return answered


def _largest(whole: Product, push: dict[str, Any]) -> Iterator[Figure]:
    request = [whole.request("/webhooks/github", "push", _of_size(push, _LARGEST - 1000))]
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
    yield Figure(
        name="P5", what="slowest answer to others meanwhile (/healthz)", value=1000 * max(others), unit="ms"
    )


def _ask_on(whole: Product, done: threading.Event, seconds: list[float]) -> None:
    while not done.is_set():
        began = time.monotonic()
        whole.http.get("/healthz").raise_for_status()
        seconds.append(time.monotonic() - began)
        time.sleep(0.01)
