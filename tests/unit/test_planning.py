"""From a trigger to a decision for every suite, with the matcher that the product uses."""

from dataclasses import replace

import pytest

from bot.app.globs import matches, matches_branch
from bot.app.suitefile import parse
from bot.domain.planning import (
    ChangedFiles,
    Decision,
    Elsewhere,
    Plan,
    Skipped,
    Trigger,
    Unstarted,
    Wanted,
    needs_paths,
    plan,
)
from bot.domain.refs import Person
from bot.domain.runs import Cause, Reason, Trust
from bot.domain.suites import SuiteFile
from tests.builders import SHA, a_repository


def a_trigger(
    cause: Cause = Cause.PUSH, ref: str = "main", base_ref: str = "", message: str = "Better words"
) -> Trigger:
    return Trigger(
        key="key",
        repository=a_repository(),
        sha=SHA,
        cause=cause,
        ref=ref,
        base_ref=base_ref,
        message=message,
        sender=Person(1, "ana"),
        trust=Trust.TRUSTED,
    )


def a_file(*whens: str) -> SuiteFile:
    suites = "".join(f"  s{number}: {{image: box, run: x, when: {when}}}\n" for number, when in enumerate(whens))
    return parse(".assay.yml", f"suites:\n{suites}".encode())


def planned(
    trigger: Trigger, file: SuiteFile, changed: ChangedFiles | None = None, labels: tuple[str, ...] | None = None
) -> Plan:
    return plan(trigger, file, changed, matches, matches_branch, labels)


def decision(trigger: Trigger, when: str, *paths: str) -> Decision:
    (one,) = planned(trigger, a_file(when), ChangedFiles(paths, complete=True)).decisions
    return one


PUSH = a_trigger()
TAG = a_trigger(Cause.TAG, "v1.0")
CHANGE = a_trigger(Cause.CHANGE, "feature/x", "main")


@pytest.mark.parametrize(
    ("trigger", "when", "kind"),
    [
        (PUSH, "{}", Wanted),
        (CHANGE, "{}", Wanted),
        (TAG, "{}", Elsewhere),
        (PUSH, "{events: [pull_request]}", Elsewhere),
        (CHANGE, "{events: [push]}", Elsewhere),
        (TAG, "{events: [tag]}", Wanted),
        (PUSH, "{events: [tag]}", Elsewhere),
        (PUSH, "{branches: main}", Wanted),
        (PUSH, '{branches: ["release/*", main]}', Wanted),
        (PUSH, "{branches: ma}", Skipped),
        (CHANGE, "{branches: main}", Wanted),
        (CHANGE, "{branches: feature/x}", Skipped),
        (a_trigger(ref="feature/main"), "{branches: main}", Skipped),
        (a_trigger(ref="release/1/fix"), '{branches: "release/*"}', Skipped),
        (a_trigger(ref="release/1/fix"), '{branches: "release/**"}', Wanted),
        (a_trigger(ref="wip/a"), '{branches: ["**", "!wip/**"]}', Skipped),
        (TAG, "{events: [tag], branches: main}", Wanted),
    ],
)
def test_events_and_branches(trigger: Trigger, when: str, kind: type[Decision]) -> None:
    assert isinstance(decision(trigger, when), kind)


@pytest.mark.parametrize(
    ("when", "paths", "kind"),
    [
        ("{paths: web/**}", ["web/a.ts"], Wanted),
        ("{paths: web/**}", ["api/a.py", "web/a.ts"], Wanted),
        ("{paths: web/**}", ["api/a.py"], Skipped),
        ("{paths: web/**}", ["old/web/a.ts"], Skipped),
        ("{paths: web/**}", [], Skipped),
        ('{paths: ["**", "!docs/**"]}', ["docs/a.md"], Skipped),
        ('{paths: ["**", "!docs/**"]}', ["docs/a.md", "a.py"], Wanted),
        ("{branches: main}", ["web/a.ts"], Wanted),
    ],
)
def test_changed_files(when: str, paths: list[str], kind: type[Decision]) -> None:
    assert isinstance(decision(CHANGE, when, *paths), kind)


@pytest.mark.parametrize(
    ("trigger", "when", "reason", "note"),
    [
        (PUSH, "{paths: web/**}", Reason.PATHS, "no changed file matches web/**"),
        (PUSH, "{paths: [a, b, c, d]}", Reason.PATHS, "no changed file matches a, b, c …"),
        (PUSH, '{branches: "v*"}', Reason.BRANCH, "branch main does not match v*"),
        (CHANGE, "{branches: next}", Reason.BRANCH, "branch main does not match next"),
        (a_trigger(message="Words\n\n[skip ci]"), "{}", Reason.SKIP_CI, "the commit message says [skip ci]"),
        (a_trigger(message="[CI Skip] words"), "{}", Reason.SKIP_CI, "the commit message says [skip ci]"),
        (a_trigger(message="[skip ci]"), "{branches: next}", Reason.SKIP_CI, "the commit message says [skip ci]"),
    ],
)
def test_a_skipped_suite_says_why(trigger: Trigger, when: str, reason: Reason, note: str) -> None:
    skipped = decision(trigger, when, "api/a.py")
    assert isinstance(skipped, Skipped)
    assert (skipped.reason, skipped.note) == (reason, note)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ((), Skipped),
        (("e2e",), Wanted),
        (("docs", "run/web"), Wanted),
        (("run/web/all", "E2E"), Skipped),
        (None, Wanted),
    ],
)
def test_one_label_that_matches_is_enough_and_only_changes_have_any(
    labels: tuple[str, ...] | None, kind: type[Decision]
) -> None:
    (one,) = planned(CHANGE, a_file("{labels: [e2e, 'run/*']}"), None, labels).decisions
    assert isinstance(one, kind)
    if isinstance(one, Skipped):
        assert (one.reason, one.note) == (Reason.LABEL, "no label matches e2e, run/*")


@pytest.mark.parametrize(
    ("when", "kind"),
    [
        ("{start: manual}", Unstarted),
        ("{start: automatic}", Wanted),
        ("{events: [manual]}", Elsewhere),
        ("{events: [push, manual]}", Wanted),
        ("{start: manual, branches: next}", Skipped),
        ("{start: manual, events: [tag]}", Elsewhere),
    ],
)
def test_a_suite_that_waits_for_a_person_is_not_started_by_an_event(when: str, kind: type[Decision]) -> None:
    assert isinstance(decision(PUSH, when), kind)


def test_named_by_somebody_who_may_start_it_a_manual_suite_is_wanted() -> None:
    trigger = replace(CHANGE, only=("s0",))
    assert isinstance(decision(trigger, "{start: manual}"), Unstarted)
    assert isinstance(decision(replace(trigger, may_start=True), "{start: manual}"), Wanted)
    assert isinstance(decision(replace(trigger, may_start=True), "{events: [manual]}"), Wanted)


def test_what_needs_a_suite_that_nobody_has_started_waits_with_it() -> None:
    file = parse(
        ".assay.yml",
        b"suites:\n"
        b"  late: {image: box, run: x, needs: [ship]}\n"
        b"  ship: {image: box, run: x, needs: [gate, unit]}\n"
        b"  gate: {image: box, run: x, when: {start: manual}}\n"
        b"  unit: {image: box, run: x}\n",
    )
    late, ship, gate, unit = planned(PUSH, file).decisions
    assert (late, ship) == (
        Unstarted(file.suites[0], "needs ship, which nobody has started"),
        Unstarted(file.suites[1], "needs gate, which nobody has started"),
    )
    assert (gate, unit) == (Unstarted(file.suites[2]), Wanted(file.suites[3]))


def test_a_cell_is_wanted_by_its_key() -> None:
    file = parse(".assay.yml", b"suites: {unit: {image: box, run: x, matrix: {a: [1, 2]}}}")
    found = planned(replace(CHANGE, only=("unit (2)",)), file).decisions
    assert found == (Elsewhere(file.suites[0]), Wanted(file.suites[1]))


@pytest.mark.parametrize("message", ["", "skip ci", "[skip  ci]", "[skip-ci]", "[no ci]"])
def test_other_words_skip_nothing(message: str) -> None:
    assert isinstance(decision(a_trigger(message=message), "{}"), Wanted)


def test_a_suite_for_other_events_stays_unseen_even_when_skipping() -> None:
    assert isinstance(decision(a_trigger(message="[skip ci]"), "{events: [tag]}"), Elsewhere)


@pytest.mark.parametrize("changed", [None, ChangedFiles(("api/a.py",), complete=False)])
def test_a_list_that_may_be_cut_skips_nothing_and_the_plan_says_so(changed: ChangedFiles | None) -> None:
    result = planned(CHANGE, a_file("{paths: web/**}", "{}"), changed)
    assert [type(one) for one in result.decisions] == [Wanted, Wanted]
    assert "path filters were not used" in result.note


@pytest.mark.parametrize("when", ["{}", "{branches: main}", "{events: [tag], paths: web/**}"])
def test_no_note_when_no_suite_of_the_event_filters_by_path(when: str) -> None:
    file = a_file(when)
    assert not needs_paths(PUSH, file)
    assert planned(PUSH, file).note == ""


def test_every_suite_gets_its_decision_in_the_order_of_the_file() -> None:
    file = a_file("{}", "{events: [tag]}", "{branches: next}")
    result = planned(PUSH, file)
    assert [one.suite.name for one in result.decisions] == ["s0", "s1", "s2"]
    assert result.concerns_anybody


@pytest.mark.parametrize(("when", "concerns"), [("{events: [tag]}", False), ("{branches: next}", True)])
def test_a_plan_without_a_suite_for_the_event_concerns_nobody(when: str, *, concerns: bool) -> None:
    assert planned(PUSH, a_file(when)).concerns_anybody is concerns
