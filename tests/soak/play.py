"""A soak from its start to its verdict."""

import contextlib
import json
import random
import shutil
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import psycopg

from bot.adapters.store_sql import open_engine, upgrade
from bot.demo.forge.hooks import wait_until
from tests import servers
from tests.engines import private_engine
from tests.faults.place import suite_file
from tests.faults.quiet import Facts, RunFact, look, violations
from tests.hosts.place import Host, Hosts, hosts
from tests.images import BUSYBOX
from tests.soak.accidents import Accidents, Lost
from tests.soak.on_github import OnGitHub
from tests.soak.on_gitlab import OnGitLab
from tests.soak.people import TIMEOUT, People
from tests.soak.plan import FAULTS, Step, plan
from tests.soak.report import Done, Report
from tests.soak.verify import Ended, Ran, wrongs

LEASE: Final = 30.0
GRACE: Final = 8.0
QUIET: Final = 420.0
"""Seconds after the last accident in which all has to end; what was never heard is asked for every two hundred."""
_PAUSE: Final = 3.0
_NAMES: Final = ("north", "south", "east")
_LASTING: Final = ("east",)
"""Its engine lets containers live when it ends."""


def play(folder: Path, kept: Path, seed: int, minutes: float) -> Report:
    report = Report(seed=seed, minutes=minutes)
    with _scene(folder) as (here, accidents):
        people = People(accidents.forges, [here.serve.url, here.other.url])
        began = time.monotonic()
        try:
            _live(plan(seed, 60 * minutes), people, accidents, report)
            _heal(people, accidents)
            healed = time.monotonic()
            facts, report.violations = _settled(people, accidents)
        finally:
            _keep(here, kept / f"soak-{seed}-output")
        report.figures = _figures(people, accidents, facts)
        report.figures["seconds of people and accidents"] = round(healed - began)
        report.figures["seconds until all was quiet"] = round(time.monotonic() - healed)
    return report


@contextmanager
def _scene(folder: Path) -> Iterator[tuple[Hosts, Accidents]]:
    with ExitStack() as stack:
        engines = [stack.enter_context(private_engine(lasting=name in _LASTING)) for name in _NAMES]
        postgres = stack.enter_context(servers.postgres())
        storage = stack.enter_context(servers.s3())
        url = postgres.create("soak")
        database = open_engine(url)
        upgrade(database)
        database.dispose()
        machines = [Host(name, engine.host) for name, engine in zip(_NAMES, engines, strict=True)]
        here = stack.enter_context(hosts(folder, postgres, url, storage.url, machines))
        here.settings.update(LEASE=str(LEASE), LEASE_GRACE=str(GRACE), WORKERS="2", DRAIN="4")
        here.github.commit(here.repo, "main", {".assay.yml": suite_file(BUSYBOX, f"    timeout: {TIMEOUT}s\n")})
        here.forget()
        lab = stack.enter_context(OnGitLab(folder / "gitlab").running())
        here.settings.update(lab.settings)
        lab.commit("main", {".assay.yml": suite_file(BUSYBOX, f"    timeout: {TIMEOUT}s\n")})
        lab.register(here)
        here.more_secrets.extend([here.settings["SECRET_KEY"], *lab.secrets])
        here.start()
        yield here, Accidents(here, engines, storage, [OnGitHub(here), lab], guard=LEASE)


def _live(steps: Sequence[Step], people: People, accidents: Accidents, report: Report) -> None:
    """People act one after the other; accidents happen beside them."""
    began = time.monotonic()
    running: list[Future[str]] = []
    with ThreadPoolExecutor(16, "accident") as pool:
        for step in steps:
            time.sleep(max(0.0, step.at - (time.monotonic() - began)))
            chance = random.Random(step.chance)
            if step.what in FAULTS:
                future = pool.submit(accidents.happen, step.what, chance)
                future.add_done_callback(lambda done, step=step: _note(report, step, done))  # type: ignore[misc]  # mypy knows no type of a default
                running.append(future)
            else:
                _show(report, step, people.act(step.what, chance))
    for future in running:
        future.result()


def _heal(people: People, accidents: Accidents) -> None:
    accidents.here.start()
    for site in people.sites:
        site.heal()
        site.hear_at(people.webs[0])
        site.settle()


def _note(report: Report, step: Step, done: Future[str]) -> None:
    error = done.exception()
    _show(report, step, repr(error) if error else done.result())


def _show(report: Report, step: Step, words: str) -> None:
    report.done.append(Done(step.at, step.what, words))
    _say(f"{step.at:8.2f} {step.what}: {words}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _settled(people: People, accidents: Accidents) -> tuple[Facts, list[str]]:
    """Waits until nothing is wrong any more; what still is then is a violation."""
    here, end = accidents.here, time.monotonic() + QUIET
    facts = Facts()
    while True:
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not here.unfinished(), max(1.0, end - time.monotonic()), "something goes on")
        try:
            facts = _look(accidents, people)
            found = [*violations(facts), *wrongs(_ended(people, accidents, facts))]
            if any(run.state == "awaiting_approval" for run in facts.runs):
                people.approve_all()
        except httpx.HTTPError as error:
            found = [f"the web does not answer: {error!r}"]
        if not found or time.monotonic() > end:
            return facts, found
        _say(f"not quiet yet, {len(found)}: {found[0]}")
        time.sleep(_PAUSE)


def _look(accidents: Accidents, people: People) -> Facts:
    facts = look(accidents.here)
    return replace(
        facts,
        happened=[one for one in facts.happened if one.run not in accidents.unguarded],
        checks=[*facts.checks, *(check for site in people.sites for check in site.checks())],
        answered=[*facts.answered, *(key for site in people.sites for key in site.answered())],
    )


def _ended(people: People, accidents: Accidents, facts: Facts) -> Ended:
    return Ended(
        commits=people.commits,
        runs=[_ran(accidents.here, run) for run in facts.runs],
        slowed=frozenset(accidents.slowed),
        comments=[(str(change), text) for change in people.all_changes for text in change.site.comments(change)],
        said=people.said,
    )


def _ran(here: Hosts, run: RunFact) -> Ran:
    return Ran(id=run.id, sha=run.sha, state=run.state, outcomes=run.outcomes, log=here.log(run.id))


def _figures(people: People, accidents: Accidents, facts: Facts) -> dict[str, float]:
    here = accidents.here
    states = Counter(run.state for run in facts.runs)
    reasons = Counter(reason for run in facts.runs for outcome, reason in run.outcomes if outcome == "queued")
    told = Counter(_told(here))
    return {
        **{f"{site.name}: {name}": value for site in people.sites for name, value in site.figures.items()},
        "pushes whose webhooks were lost": people.lost,
        "commits": len(people.commits),
        "changes": len(people.all_changes),
        "commands in comments": people.said,
        "runs": len(facts.runs),
        **{f"  {state}": count for state, count in sorted(states.items())},
        "attempts": sum(len(run.outcomes) for run in facts.runs),
        **{f"  again because of {reason}": count for reason, count in sorted(reasons.items(), key=str)},
        "containers started": sum(one.what == "start" for one in facts.happened),
        "runs given up after three attempts without a say": sum(_ran(here, run).given_up for run in facts.runs),
        "runs taken over, their containers going on": told["run.taken_over"],
        "runs given back by a reaper": told["run.reaped"],
        **_recovery(here, accidents),
    }


def _told(here: Hosts) -> Iterator[str]:
    """Names of what the processes logged."""
    for line in here.output.splitlines():
        with contextlib.suppress(ValueError):
            yield str(json.loads(line)["event"])


def _recovery(here: Hosts, accidents: Accidents) -> dict[str, float]:
    """Seconds from a worker's end to the next attempt of each run that it held, and those that needed none."""
    found = [(lost, run, _next_attempt(here, lost, run)) for lost in accidents.lost for run in lost.runs]
    again = sorted(at - lost.at for lost, _, at in found if at)
    running = [at for lost, run, at in found if run in lost.running]
    return {
        "runs in the hands of a worker that was killed or ended": len(found),
        "  whose container ran": len(running),
        "  whose container ran and that needed no other attempt": running.count(None),
        "  whose worker was away for longer than a lease": len(accidents.unguarded),
        "  started again": len(again),
        "  started again after s, median": round(statistics.median(again), 1) if again else 0.0,
        "  started again after s, longest": round(max(again, default=0.0), 1),
    }


def _next_attempt(here: Hosts, lost: Lost, run: str) -> float | None:
    query = "SELECT min(started_at) AS at FROM attempt WHERE run = ? AND started_at > ?"
    with contextlib.closing(here.database()) as database:
        at: float | None = database.execute(query, (run, str(lost.at))).fetchone()["at"]
    return at


def _keep(here: Hosts, folder: Path) -> None:
    """What the processes wrote, for whoever looks for the cause."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in here.folder.glob("*.log"):
        shutil.copy(log, folder / log.name)
    with psycopg.connect(here.settings["DATABASE_URL"].replace("+psycopg", ""), autocommit=True) as database:
        for table in ("run", "run_event", "attempt", "report", "delivery"):
            with (folder / f"{table}.csv").open("wb") as file:
                columns = database.execute(f"SELECT * FROM {table} LIMIT 0").description or ()  # noqa: S608  # our own table
                names = ", ".join(f'"{one.name}"' for one in columns if one.name not in ("body", "payload"))
                with database.cursor().copy(f"COPY (SELECT {names} FROM {table}) TO STDOUT CSV HEADER") as rows:  # noqa: S608  # our own table
                    for row in rows:
                        file.write(row)
