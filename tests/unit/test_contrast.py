"""Two runs beside each other: what turned, what slowed down, where their logs part."""

from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.contrast import first_difference, slower, turned
from bot.domain.results import Case, Outcome


def cases(**outcomes: str) -> dict[str, Case]:
    return {name: Case(name=name, outcome=Outcome(word)) for name, word in outcomes.items()}


def timed(**seconds: float | None) -> dict[str, Case]:
    return {name: Case(name=name, outcome=Outcome.PASSED, seconds=one) for name, one in seconds.items()}


def test_each_test_that_turned_is_told_once_by_what_it_turned_into() -> None:
    before = cases(a="passed", b="failed", c="passed", d="failed", e="flaky", f="passed", gone="passed")
    now = cases(a="failed", b="passed", c="skipped", d="failed", e="passed", f="passed", new="passed", nope="failed")
    found = turned(before, now)
    assert [one.name for one in found.broken] == ["a", "nope"]
    assert found.fixed == ["b"]
    assert [(one.name, one.before, one.now) for one in found.others] == [
        ("c", Outcome.PASSED, Outcome.SKIPPED),
        ("e", Outcome.FLAKY, Outcome.PASSED),
    ]
    assert (found.added, found.removed) == (["new", "nope"], ["gone"])
    assert found.counts == {"broken": 2, "fixed": 1, "others": 2, "added": 2, "removed": 1}


def test_lists_have_an_end_and_counts_tell_of_all() -> None:
    found = turned({}, cases(**{f"t{number}": "failed" for number in range(250)}))
    assert len(found.broken) == 100
    assert found.counts
    assert found.counts["broken"] == 250


def test_a_test_is_slower_when_it_lost_half_a_second_and_half_of_its_time() -> None:
    before = timed(much=1.0, little=10.0, tiny=0.01, unknown=None, faster=9.0, most=1.0)
    now = timed(much=3.0, little=11.0, tiny=0.2, unknown=9.0, faster=1.0, most=9.0, new=50.0)
    assert [(one.name, one.before, one.now) for one in slower(before, now)] == [
        ("most", 1.0, 9.0),
        ("much", 1.0, 3.0),
    ]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("a\nb", "a\nb", None),
        ("took 0.31s\nok", "took 1.07s\nok", None),
        ("at 1f2e3d4c5b6a", "at 99aabbccddee", None),
        ("\x1b[32mok\x1b[0m", "ok", None),
        ("a\nb\nc", "a\nx\nc", (2, "b", "x")),
        ("a", "a\nb", (2, None, "b")),
        ("a\nb", "a", (2, "b", None)),
    ],
)
def test_logs_part_where_more_than_numbers_differ(
    before: str, now: str, expected: tuple[int, str | None, str | None] | None
) -> None:
    found = first_difference(zip_longest(before.split("\n"), now.split("\n")))
    assert (found and (found.line, found.before, found.now)) == expected


@given(st.lists(st.text(max_size=20)))
def test_a_log_does_not_differ_from_itself(lines: list[str]) -> None:
    assert first_difference(zip(lines, lines, strict=True)) is None
