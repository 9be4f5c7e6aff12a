"""`assay worker`: runs suites for web processes elsewhere, in a child that is replaced when it dies."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final

import click
import structlog

from bot.app import presence
from bot.app.context import App
from bot.bootstrap.process import Role
from bot.cli.acting import actor
from bot.cli.logs import configure_logs
from bot.cli.opening import open_app, serving
from bot.cli.reading import BAD_SETTINGS, read_shared_settings
from bot.cli.watched import watched
from bot.domain.texts import counted
from bot.domain.workers import Worker
from bot.settings import unknown_names

log = structlog.get_logger()

_CHILD: Final = (sys.executable, "-m", "bot", "worker", "--child")
_PAUSES: Final = (0.2, 1.0, 5.0, 15.0, 30.0)
"""Seconds before a child is replaced that has died so many times in a row."""
_LOOK: Final = 1.0
"""Seconds between two looks at a worker that is drained."""
_PATIENCE: Final = 0.75
"""Of a lease: as long as a worker that can't renew one waits until it ends its containers."""
_LEAST: Final = 10.0
"""A busy machine may keep a process waiting."""
_BEATS: Final = 4096
_AWAKE: Final = 1.0
"""Seconds that the main thread sleeps at most: Python runs what a signal leads to there alone."""
_WELL: Final = 60.0
"""A child that lived so long did not die of its start."""


@click.group(invoke_without_command=True)
@click.option("--child", is_flag=True, hidden=True)
@click.pass_context
def worker(context: click.Context, child: bool) -> None:
    """Run suites for servers elsewhere: beside a Docker engine, on their database, Redis and storage.

    SIGTERM lets what runs finish within ASSAY_DRAIN and leaves the rest to the next start.
    """
    if context.invoked_subcommand:
        return
    settings = read_shared_settings()
    configure_logs(settings)
    if not child:
        for warning in unknown_names():
            log.warning("settings.unknown", warning=warning)
        sys.exit(_Supervisor(max(_PATIENCE * settings.lease, _LEAST)).run())
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    threading.Thread(target=_end_with_supervisor, args=(ending,), name="supervisor", daemon=True).start()
    threading.Thread(target=_beat, args=(settings.lease / 16,), name="beat", daemon=True).start()
    bot = serving(settings, Role.WORKER)
    with watched(bot, settings.worker_address):
        bot.start()
        log.info("worker.started", owner=bot.app.owner, workers=settings.workers)
        while not ending.wait(_AWAKE):
            pass
        log.info("worker.stopping")
        bot.stop()
    log.info("worker.stopped")


@worker.command()
@click.argument("name", required=False)
@click.option("--wait", is_flag=True, help="Until nothing runs there any more.")
def drain(name: str | None, *, wait: bool) -> None:
    """Let a worker take no more runs; what it runs it finishes.

    NAME is a worker's name, its place or its process, as `assay workers` shows them; without NAME it is the worker of
    this machine's data folder. It stays so, also when the worker starts anew, until `assay worker undrain`.
    """
    with open_app() as app:
        found = presence.drain(app, name or app.place, draining=True, actor=actor())
        left = _tell(app, found)
        while wait and left:
            time.sleep(_LOOK)
            left = left if _running(app, found) == left else _tell(app, found)


@worker.command()
@click.argument("name", required=False)
def undrain(name: str | None) -> None:
    """Let a drained worker take runs again."""
    with open_app() as app:
        for one in presence.drain(app, name or app.place, draining=False, actor=actor()):
            click.echo(f"{one.name} {one.process}: takes runs again")


def _running(app: App, found: Sequence[Worker]) -> int:
    return sum(len(presence.held(app, one)) for one in found)


def _tell(app: App, found: Sequence[Worker]) -> int:
    """How many runs are left."""
    for one in found:
        count = len(presence.held(app, one))
        click.echo(f"{one.name} {one.process}: draining, {counted(count, 'run')} left")
    return _running(app, found)


def _end_with_supervisor(ending: threading.Event) -> None:
    """The other end of standard input is the supervisor's, which never writes to it: it ends when that dies."""
    os.read(sys.stdin.fileno(), 1)
    ending.set()


def _beat(pause: float) -> None:
    """Tells the supervisor, which reads our standard output, that we are not frozen; others write to the errors'."""
    beats = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(OSError):
        while os.write(beats, b"."):
            time.sleep(pause)


class _Supervisor:
    """One child at a time, until somebody asks for the end; that is the child's to bring about in good order.

    A child that is frozen for `patience` seconds is ended: its containers have no guard any more, and the next child
    removes them before another place may start their runs again.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._ending = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """The exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        deaths = 0
        while True:
            began = time.monotonic()
            status = self._live()
            if self._ending.is_set() or status == BAD_SETTINGS:
                return status
            deaths = 0 if time.monotonic() - began > _WELL else deaths
            log.error("worker.died", status=status, deaths=deaths + 1)
            self._ending.wait(_PAUSES[min(deaths, len(_PAUSES) - 1)])
            deaths += 1
            if self._ending.is_set():
                return 0

    def _live(self) -> int:
        """Of one child."""
        pipe = subprocess.PIPE
        with subprocess.Popen(_CHILD, stdin=pipe, stdout=pipe, start_new_session=True) as child:  # noqa: S603  # ourselves
            self._child = child
            if self._ending.is_set():
                self._end()
            self._watch(child)
            # Communicating would close the child's standard input, which tells it that we live.
            status = child.wait()
            self._child = None
        return status

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        """Until it ends; for its start and its end it may take its time."""
        assert child.stdout
        patience: float | None = None
        while select.select([child.stdout], [], [], patience)[0]:
            if not os.read(child.stdout.fileno(), _BEATS):
                return
            patience = None if self._ending.is_set() else self._patience
        if not self._ending.is_set():
            log.error("worker.frozen", seconds=self._patience)
            child.kill()

    def _end(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        self._ending.set()
        if self._child:
            self._child.send_signal(signal.SIGTERM)
