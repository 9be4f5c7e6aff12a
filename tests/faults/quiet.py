"""The quiet check: what must hold after every fault once things have calmed down (RELIABILITY §9).

`look` gathers facts, `violations` is a pure function of them.
"""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import httpx

from bot.demo.forge.hooks import Delivery, wait_until
from bot.demo.forge.state import CheckRun
from bot.domain.checks import commented_change, searched_change
from bot.domain.runs import MOVES, RunState
from tests.faults.engine import Happened
from tests.faults.place import Database, Place

SECONDS: Final = 30.0
"""With the short lease of these tests; with the usual one it is 120."""
_PAUSE: Final = 0.2
CONCLUSIONS: Final = {
    "passed": "success",
    "failed": "failure",
    "errored": "failure",
    "timed_out": "timed_out",
    "cancelled": "cancelled",
    "superseded": "cancelled",
    "rejected": "cancelled",
    "skipped": "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFact:
    id: str
    sha: str
    state: str
    attempt: int
    moves: Sequence[tuple[str | None, str]]
    outcomes: Sequence[tuple[str, str | None]] = ()
    """How each attempt ended, and why."""
    log_size: int
    log_closed: bool
    log_read: int
    """Bytes that the web gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFact:
    sha: str
    name: str
    run: str | None
    """None: the aggregate."""
    pending: bool
    dead: bool
    forge: str = "github"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFact:
    sha: str
    name: str
    external_id: str
    conclusions: Sequence[str | None]
    """After each accepted body, oldest first; None: not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    runs: Sequence[RunFact] = ()
    reports: Sequence[ReportFact] = ()
    checks: Sequence[CheckFact] = ()
    answered: Sequence[str] = ()
    """GUIDs of deliveries that were answered with 2xx."""
    deliveries: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """GUID to status and reason."""
    happened: Sequence[Happened] = ()
    left: Sequence[str] = ()
    """In the engine, and folders of runs."""
    readiness: int = httpx.codes.OK
    leaks: Sequence[str] = ()
    """Places where a secret was found."""
    stumbles: Sequence[str] = ()
    """Lines of the output that tell of an exception nobody expected."""


def violations(facts: Facts) -> list[str]:
    """Empty when all is as it must be."""
    return [
        *(f"run {run.id}: {what}" for run in facts.runs for what in _of_run(run)),
        *(f"{report.name} at {report.sha}: {what}" for report in facts.reports for what in _of_report(report, facts)),
        *(f"check {check.name}: {what}" for check in facts.checks for what in _of_check(check)),
        *(f"{count} checks for {its}" for its, count in _ids(facts.checks).items() if count > 1),
        *(f"delivery {guid}: {what}" for guid in facts.answered for what in _of_delivery(facts.deliveries.get(guid))),
        *_overlaps(facts.happened),
        *(f"left over: {name}" for name in facts.left),
        *([f"/readyz is {facts.readiness}"] if facts.readiness != httpx.codes.OK else []),
        *(f"a secret is in {name}" for name in facts.leaks),
        *(f"stumbled: {line}" for line in facts.stumbles),
    ]


def _of_run(run: RunFact) -> Iterator[str]:
    if not RunState(run.state).is_final:
        yield f"is {run.state}"
    yield from _of_history(run)
    if run.attempt and not run.log_closed:
        yield "its log is still open"
    if run.log_read != run.log_size:
        yield f"{run.log_read} bytes of its log can be read, not {run.log_size}"


def _of_history(run: RunFact) -> Iterator[str]:
    if not run.moves or run.moves[0][0] is not None or run.moves[-1][1] != run.state:
        yield f"its history does not lead from its start to {run.state}"
    for (_, came), (left, after) in pairwise(run.moves):
        if came != left or RunState(after) not in MOVES.get(RunState(came), frozenset()):
            yield f"was {came}, then moved from {left} to {after}"


def _of_report(report: ReportFact, facts: Facts) -> Iterator[str]:
    if report.pending:
        yield "waits to be sent"
    is_comment = (commented_change(report.name), searched_change(report.name)) != (None, None)
    if report.dead or report.pending or is_comment:
        return
    shown = [each for each in facts.checks if (each.sha, each.name) == (report.sha, report.name)]
    said = shown[-1].conclusions[-1] if shown else None
    runs = [run for run in facts.runs if (run.id == report.run if report.run else run.sha == report.sha)]
    wanted = CONCLUSIONS.get(runs[-1].state) if report.run and runs else _of_all(runs)
    if report.forge == "gitlab" and wanted == "timed_out":
        wanted = "failure"  # it has no word for it
    if said != wanted:
        yield f"the forge shows {said}, not {wanted}"


def _of_all(runs: Sequence[RunFact]) -> str:
    """Of the newest run of a suite; these tests have one suite, so the newest run."""
    state = runs[-1].state if runs else ""
    if state in ("passed", "skipped"):
        return "success"
    return "cancelled" if CONCLUSIONS.get(state) == "cancelled" else "failure"


def _of_check(check: CheckFact) -> Iterator[str]:
    for before, after in pairwise(check.conclusions):
        if before is not None and after != before:
            yield f"had ended as {before}, then became {after}"


def _ids(checks: Sequence[CheckFact]) -> Counter[str]:
    """One that waited for an approval has ended by that; the next one of its build goes on."""
    return Counter(check.external_id for check in checks if check.conclusions[-1] != "action_required")


def _of_delivery(found: tuple[str, str] | None) -> Iterator[str]:
    if found is None:
        yield "answered with 2xx, but not stored"
    elif found[0] not in ("processed", "ignored") or not found[1]:
        yield f"is {found[0]} because of {found[1]!r}"


def _overlaps(happened: Sequence[Happened]) -> Iterator[str]:
    live = Counter[str]()
    for one in happened:
        live[one.run] += 1 if one.what == "start" else -1
        if live[one.run] > 1:
            yield f"run {one.run}: attempt {one.attempt} was started while another was live"


def look(here: Place) -> Facts:
    """The process must be up."""
    with contextlib.closing(here.database()) as database:
        return _facts(here, database)


def _facts(here: Place, database: Database) -> Facts:
    runs = _rows(database, "SELECT * FROM run ORDER BY number")
    reports = _rows(database, "SELECT report.*, forge FROM report JOIN repository ON repository.id = repository")
    deliveries = _rows(database, "SELECT * FROM delivery")
    with here.github.world.lock:
        checks = [_check(each) for each in here.github.world.checks]
        answered = [each.guid for each in here.github.hooks.sent if each.arrived]
    return Facts(
        runs=[_run(here, database, each) for each in runs],
        reports=[_report(each) for each in reports],
        checks=checks,
        answered=answered,
        deliveries={each["key"].rpartition(":")[2]: (each["status"], each["reason"]) for each in deliveries},
        happened=list(here.engine.happened),
        left=[*here.engine.left(), *(f"folder {name}" for name in here.folders)],
        readiness=here.serve.readiness,
        stumbles=[line for line in here.output.splitlines() if _is_stumble(line)],
        leaks=[name for name, text in _texts(here) if _has_secret(here, text)],
    )


def _rows(database: Database, query: str, *names: str) -> list[dict[str, Any]]:
    return [dict(row) for row in database.execute(query, names)]


def _run(here: Place, database: Database, row: Mapping[str, Any]) -> RunFact:
    events = _rows(database, "SELECT before, after FROM run_event WHERE run = ? ORDER BY seq", row["id"])
    attempts = _rows(database, "SELECT outcome, reason FROM attempt WHERE run = ? ORDER BY n", row["id"])
    logs = _rows(database, "SELECT size, members FROM log WHERE run = ?", row["id"])
    return RunFact(
        id=row["id"],
        sha=row["sha"],
        state=row["state"],
        attempt=row["attempt"],
        moves=[(each["before"], each["after"]) for each in events],
        outcomes=[(each["outcome"], each["reason"]) for each in attempts],
        log_size=logs[0]["size"] if logs else 0,
        log_closed=bool(logs and logs[0]["members"] is not None),
        log_read=len(here.log(row["id"])) if logs else 0,
    )


def _report(row: Mapping[str, Any]) -> ReportFact:
    shown = max(row["sent_version"], row["dead_version"])
    return ReportFact(
        sha=row["sha"],
        name=row["name"],
        run=row["run"],
        pending=shown < row["version"],
        dead=row["dead_version"] > row["sent_version"],
        forge=row["forge"],
    )


def _check(check: CheckRun) -> CheckFact:
    return CheckFact(
        sha=check.sha,
        name=check.name,
        external_id=check.external_id,
        conclusions=[body.get("conclusion") for body in check.history],
    )


def _is_stumble(line: str) -> bool:
    return '"exception":' in line or "Traceback" in line


def _texts(here: Place) -> Iterator[tuple[str, bytes]]:
    """Everything that the product has written: its output, its database, its files."""
    yield "output", here.output.encode()
    for data in {each.data for each in here.processes}:
        for folder, _, names in os.walk(data):
            for path in filter(Path.is_file, (Path(folder, name) for name in names)):
                yield path.relative_to(data).as_posix(), _content(path)


def _content(path: Path) -> bytes:
    """Files and folders come and go."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _has_secret(here: Place, text: bytes) -> bool:
    return any(secret.encode() in text for secret in here.secrets)


def assert_quiet(here: Place, seconds: float = SECONDS) -> Facts:
    """Waits until nothing is wrong any more; whatever still is fails the test."""
    found: list[str] = []

    def is_quiet() -> bool:
        time.sleep(_PAUSE)
        found[:] = violations(look(here))
        return not found

    try:
        wait_until(is_quiet, seconds, "it does not become quiet")
    except TimeoutError:
        assert not found, found
    return look(here)


def deliveries_of(here: Place, guid: str) -> list[Delivery]:
    """How all calls of that delivery were answered."""
    return [each for each in here.github.hooks.sent if each.guid == guid]
