"""P16: the page of a log of 50,000 lines in Chromium, from the click on a link to a line until that line is seen."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from playwright.sync_api import Browser, sync_playwright

from bot.bootstrap import build
from bot.bootstrap.process import Role
from bot.demo.forge.server import Server
from bot.domain.refs import ForgeName, RepositorySeen, Sha
from bot.domain.runs import Build, BuildId, Cause, Run, RunId, RunState, Trust
from bot.domain.suites import Suite
from bot.ports.logs import Logs
from bot.ports.store import UnitOfWork
from bot.settings import Settings
from tests.bench.figures import Figure, milliseconds
from tests.ports import free_port

_LINES: Final = 50_000
_SEEN: Final = 37_500
_GOAL: Final = 2000.0
_ROUNDS: Final = 5
_IN_VIEW: Final = """() => {
  const place = document.getElementById("L%d")?.getBoundingClientRect();
  return Boolean(place && place.top >= 0 && place.bottom <= innerHeight);
}"""


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder, sync_playwright() as playwright:
        port = free_port()
        settings = Settings(url=f"http://127.0.0.1:{port}", data_dir=Path(folder), disk_reserve=1)
        bot = build(settings, Role.WEB, now=lambda: datetime.fromtimestamp(time.time(), UTC))
        page = _page(bot.app.work, bot.app.logs)
        server = Server(bot.asgi, port)  # type: ignore[arg-type]  # a Starlette application
        server.start()
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        took = [_seconds(browser, f"{settings.url}{page}#L{_SEEN}") for _ in range(_ROUNDS)]
        sent = [_sent(f"{settings.url}{page}") for _ in range(_ROUNDS)]
        browser.close()
        server.stop()
        bot.stop()
    what = f"log page of {_LINES:,} lines, until line {_SEEN:,} is seen"
    yield Figure(name="P16", what=what, value=milliseconds(took), unit="ms", limit=_GOAL, against="goal")
    yield Figure(name="P16", what="of these the server, until it is sent", value=milliseconds(sent), unit="ms")


def _sent(address: str) -> float:
    began = time.monotonic()
    httpx.get(address, timeout=60).raise_for_status()
    return time.monotonic() - began


def _seconds(browser: Browser, address: str) -> float:
    with browser.new_context() as context:
        page = context.new_page()
        began = time.monotonic()
        page.goto(address, wait_until="load")
        page.wait_for_function(_IN_VIEW % _SEEN)
        return time.monotonic() - began


def _page(work: Callable[[], UnitOfWork], logs: Logs) -> str:
    """The path of one whose run has ended."""
    now = datetime.fromtimestamp(time.time(), UTC)
    seen = RepositorySeen(
        forge=ForgeName("github"),
        forge_id=1,
        path="team/hello",
        private=False,
        default_branch="main",
        web_url="https://github.example/team/hello",
        clone_url="https://github.example/team/hello.git",
    )
    sha, suite = Sha("a" * 40), Suite(name="unit", image="busybox", commands=("true",))
    with work() as unit:
        repository = unit.repositories.see(seen)
        where = {"repository": repository.id, "sha": sha, "created_at": now}
        made = unit.builds.add(Build(id=BuildId(0), key="bench", cause=Cause.PUSH, ref="main", **where))  # type: ignore[arg-type]  # as named
        assert made
        facts = {"build": made.id, "suite": suite, "trust": Trust.TRUSTED, **where}
        queued = Run(id=RunId(secrets.token_hex(8)), state=RunState.QUEUED, **facts)  # type: ignore[arg-type]  # as named
        unit.runs.add(queued)
    with work() as unit:
        claimed = unit.runs.claim(queued.id, "bench", 600)
        assert claimed
        running = claimed.running(now)
        unit.runs.save(claimed, running, "bench")
    line = "\x1b[32m{0:>6}\x1b[0m tests/test_{0}.py::test_case PASSED\n"
    logs.append(running.id, running.fence, "".join(line.format(number) for number in range(_LINES)).encode())
    with work() as unit:
        unit.runs.save(running, running.ended(RunState.PASSED, None, now, exit_code=0), "bench")
    logs.close(running.id)
    return f"/b/{made.id}/unit"
