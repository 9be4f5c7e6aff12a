"""How far runs are and when they should end: the exact words while they wait and run (PRODUCT §2.3)."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from bot.domain.build_check import build_check
from bot.domain.cells_check import cells_check
from bot.domain.dialect import GITHUB
from bot.domain.runs import Progress, Run, RunId, RunState
from bot.domain.suite_check import suite_check
from bot.domain.suites import Limits
from bot.domain.waiting import Outlook, Wait, left_of
from tests.builders import NOON, a_build, a_run, a_suite

PAGE = "https://ci.example.org/b/1/unit"


def running(progress: Progress | None = None, **more: object) -> Run:
    return a_run(RunState.RUNNING, started_at=NOON, progress=progress, **more)


@pytest.mark.parametrize(
    ("progress", "outlook", "title"),
    [
        (Progress(done=214, failed=0), Outlook(tests=412, left=70), "Running: 214 of about 412 tests, 1 min left"),
        (Progress(done=214, failed=2), Outlook(tests=412), "Running: 214 of about 412 tests, 2 failed"),
        (
            Progress(done=3, failed=0, total=8),
            Outlook(tests=412, left=20),
            "Running: 3 of 8 tests, under a minute left",
        ),
        (Progress(done=1, failed=1), Outlook(), "Running: 1 test so far, 1 failed"),
        (Progress(done=500, failed=0), Outlook(tests=412, usual=60), "Running: 500 tests so far"),
        (None, Outlook(tests=412, usual=108, left=70), "Running: sh tests/run.sh, usually 1m 48s"),
    ],
)
def test_a_running_suite_tells_how_far_it_is(progress: Progress | None, outlook: Outlook, title: str) -> None:
    check = suite_check(running(progress), a_build(), PAGE, Limits(), outlook=outlook)
    assert check.title == title
    assert check.conclusion is None


def test_what_has_ended_tells_of_no_progress() -> None:
    ended = a_run(RunState.PASSED, progress=Progress(done=214, failed=0), note="412 passed")
    assert suite_check(ended, a_build(), PAGE, Limits()).title.startswith("412 passed in ")


def cells(*states: RunState, shards: bool = False) -> list[Run]:
    return [
        a_run(
            state, suite=a_suite("unit", shard=one, shards=3) if shards else a_suite("unit", cell=(("py", str(one)),))
        )
        for one, state in enumerate(states, 1)
    ]


@pytest.mark.parametrize(
    ("runs", "outlook", "title"),
    [
        (
            cells(RunState.PASSED, RunState.RUNNING, RunState.QUEUED),
            Outlook(left=190),
            "1 of 3 environments done, 3 min left",
        ),
        (cells(RunState.PASSED, RunState.RUNNING, shards=True), Outlook(), "1 of 2 shards done"),
        (cells(RunState.QUEUED, RunState.QUEUED), Outlook(wait=Wait(4, 100)), "Queued: 4 ahead, about 2 min"),
    ],
)
def test_several_environments_tell_when_the_last_should_end(runs: list[Run], outlook: Outlook, title: str) -> None:
    shown = cells_check(runs, a_build(), PAGE, lambda _: PAGE, lambda _: Limits(), "r1", outlook=outlook)
    assert shown.title == title


def test_the_sum_of_a_commit_tells_when_all_should_have_ended() -> None:
    runs = [a_run(RunState.PASSED, suite=a_suite("lint")), running()]
    shown = build_check(a_build(), runs, PAGE, lambda _: PAGE, lambda _: Limits(), GITHUB, Outlook(left=4800))
    assert shown.title == "1 of 2 done, 1 h 20 min left"


def named(name: str, state: RunState, *needs: str, **more: object) -> Run:
    return a_run(state, id=RunId(name), suite=a_suite(name, needs=needs), blocked=bool(needs), **more)


@pytest.mark.parametrize(
    ("usual", "starts_in", "left"),
    [
        ({"one": 100.0, "two": 50.0, "three": 30.0, "four": 1.0}, 10.0, 120.0),  # one still 90, then three
        ({"one": 100.0, "two": 200.0, "three": 30.0, "four": 1.0}, 10.0, 210.0),  # two waits, and is the longest
        ({"one": 5.0, "two": 1.0, "three": 30.0, "four": 1.0}, 0.0, 30.0),  # one is late
        ({"one": 100.0, "two": 50.0, "three": 30.0}, 10.0, None),
        ({"one": 100.0, "two": 50.0, "three": 30.0, "four": 1.0}, None, None),
    ],
)
def test_the_longest_way_to_the_end_counts(
    usual: Mapping[str, float], starts_in: float | None, left: float | None
) -> None:
    runs = [
        named("zero", RunState.PASSED),
        named("one", RunState.RUNNING, started_at=NOON),
        named("two", RunState.QUEUED),
        named("three", RunState.QUEUED, "one", "zero"),
        named("four", RunState.QUEUED, "zero"),
    ]
    known = {RunId(name): seconds for name, seconds in usual.items()}
    assert left_of(runs, known, starts_in, NOON + timedelta(seconds=10)) == left


def test_nothing_is_said_of_what_is_late_or_waits_for_a_person() -> None:
    late = [named("one", RunState.RUNNING, started_at=NOON)]
    assert left_of(late, {RunId("one"): 5.0}, None, NOON + timedelta(seconds=10)) is None
    waits = [named("one", RunState.AWAITING_APPROVAL)]
    assert left_of(waits, {RunId("one"): 5.0}, 0.0, NOON) is None
