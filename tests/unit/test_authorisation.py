"""Who may do what to a stranger's change, in which state: everything that is not named here has no effect at all.

The default is no: each role tries every command and button; what the table below does not name for it must leave
runs, approvals and the audit as they were (BEHAVIOUR §1, §2; RELIABILITY S028 to S042).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bot.app import conversing
from bot.domain.events import ActionAsked, RerunAsked
from bot.domain.refs import Person
from bot.ports.sandbox import Exit
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

MAYA: Final = Person(50, "maya")
FILE: Final = b"""suites:
  good: {image: busybox, run: 'true'}
  bad: {image: busybox, run: 'exit 1'}
  spare: {image: busybox, run: 'maybe', allow_failure: true}
  deploy: {image: busybox, run: send, when: {start: manual}}
"""
ROLES: Final = {
    "nobody": Person(0, "ghost"),
    "reader": Person(3, "rita"),
    "author": STAN,
    "starter": Person(80, "sven"),
    "writer": ANA,
    "admin": Person(60, "ada"),
    "bot": Person(70, "helper[bot]", is_bot=True),
}
KEPT: Final = ("build", "run", "approval", "standing_approval", "audit")
"""Tables in which an effect would show."""

WRITE: Final = frozenset({"writer", "admin"})
ADMIN: Final = frozenset({"admin"})
AUTHOR: Final = frozenset({"author"})
STARTER: Final = frozenset({"starter"})
"""Somebody who could write, had `good` started, and has lost that access since."""

Do = Callable[[World, Person], None]


def say(text: str) -> Do:
    return lambda world, person: (world.say(text, by=person), None)[1]


def rerun(suite: str) -> Do:
    def do(world: World, person: Person) -> None:
        world.hear(RerunAsked(repository=HELLO, sha=ONE, external_id=_id(world, suite), sender=person))
        world.settle()

    return do


def press(identifier: str, suite: str = "") -> Do:
    def do(world: World, person: Person) -> None:
        shown = _id(world, suite or "build") or ""
        world.hear(ActionAsked(repository=HELLO, sha=ONE, external_id=shown, identifier=identifier, sender=person))
        world.settle()

    return do


def _id(world: World, suite: str) -> str | None:
    """As a check shows it, or would."""
    if suite == "build":
        return "build-1"
    return next((run.id for run in world.runs() if run.suite.name == suite), None)


ACTIONS: Final[dict[str, Do]] = {
    **{
        text: say(text)
        for text in (
            *("/retest", "/retest bad", "/test", "/test bad", "/test deploy", "/run bad", "/run deploy"),
            *("/cancel", "/cancel good", "/ok-to-test", f"/ok-to-test {ONE}", "/ok-to-test pr", "/ok-to-test stop"),
            *("/skip spare", "/skip bad", "/override bad it is known", "/assay status", "/assay help"),
        )
    },
    "re-run bad": rerun("bad"),
    "re-run deploy": rerun("deploy"),
    "re-run assay": rerun("build"),
    "re-run all": rerun(""),
    "press start": press("start", "deploy"),
    "press coffee": press("coffee"),
    **{f"press {one}": press(one) for one in ("rerun_failed", "rerun_all", "cancel", "approve", "approve_pr")},
    "press rerun_failed of bad": press("rerun_failed", "bad"),
}
_RUNS: Final = ("/retest", "/retest bad", "/test", "/test bad", "re-run bad", "re-run assay", "re-run all")
_BUTTONS: Final = ("press rerun_failed", "press rerun_all", "press rerun_failed of bad", "press cancel")
MAY: Final[dict[str, dict[str, frozenset[str]]]] = {
    "approved": {
        **dict.fromkeys((*_RUNS, *_BUTTONS), WRITE | AUTHOR),
        **dict.fromkeys(("/cancel", "/cancel good"), WRITE | AUTHOR | STARTER),
        **dict.fromkeys(("/run bad", "/run deploy", "/test deploy", "press start", "re-run deploy"), WRITE),
        **dict.fromkeys(("/ok-to-test pr", "/ok-to-test stop", "/skip spare"), WRITE),
        "/override bad it is known": ADMIN,
    },
    "waiting": {
        "/cancel": WRITE | AUTHOR,
        "/cancel good": WRITE | AUTHOR,
        **dict.fromkeys(("/ok-to-test", f"/ok-to-test {ONE}", "/ok-to-test pr", "/ok-to-test stop"), WRITE),
        **dict.fromkeys(("/skip spare", "press cancel", "press approve", "press approve_pr"), WRITE),
        "/override bad it is known": ADMIN,
    },
    "closed": {},
    "moved": {
        "/cancel": AUTHOR,
        "/cancel good": AUTHOR,
        "/ok-to-test stop": WRITE,
        "/skip spare": WRITE,
        "/override bad it is known": ADMIN,
    },
}
"""State of the change → action → who may. In `moved` a comment speaks of the new head, a button of the old one."""


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FEW", "_MANY"):
        monkeypatch.setattr(conversing, name, 10_000)


def in_state(folder: Path, state: str) -> World:
    """A change of STAN's; but for `waiting` it was approved, `bad` has failed and `good` is queued anew."""
    folder.mkdir()
    world = World(folder)
    world.forge.suite_files[""] = FILE
    world.forge.writers |= {MAYA.id}
    world.forge.admins |= {ROLES["admin"].id}
    world.sandbox.acts["exit 1"] = Act(exit=Exit(code=1))
    change = a_change(7, ONE, author=STAN, fork=True)
    world.open_change(change, sender=STAN)
    world.settle()
    if state != "waiting":
        world.say("/ok-to-test", by=MAYA)
        world.sandbox.trouble = "no worker"
        world.forge.writers.add(ROLES["starter"].id)
        world.say("/test good", by=ROLES["starter"])
        world.forge.writers.discard(ROLES["starter"].id)
    world.sandbox.trouble = "no worker"
    world.source.add(TWO, {})
    world.forge.changes[7] = replace(change, is_open=state != "closed", head=TWO if state == "moved" else ONE)
    return world


def effects(world: World) -> list[object]:
    with world.engine.connect() as connection:
        return [
            tuple(row)
            for table in KEPT
            for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608  # names of ours
        ]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("state", MAY)
def test_what_the_table_does_not_name_has_no_effect(tmp_path: Path, state: str, role: str) -> None:
    world = in_state(tmp_path / "world", state)
    before = effects(world)
    for name, do in ACTIONS.items():
        if role not in MAY[state].get(name, ()):
            do(world, ROLES[role])
            assert effects(world) == before, name


@pytest.mark.parametrize(
    ("state", "action", "role"),
    [(state, action, role) for state in MAY for action, roles in MAY[state].items() for role in sorted(roles)],
)
def test_what_the_table_names_has_an_effect(tmp_path: Path, state: str, action: str, role: str) -> None:
    world = in_state(tmp_path / "world", state)
    before = effects(world)
    ACTIONS[action](world, ROLES[role])
    assert effects(world) != before
