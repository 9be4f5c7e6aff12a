"""From the reports that a suite leaves to its check, its pages and its verdict (BEHAVIOUR §5)."""

import json
from datetime import timedelta

import pytest

from bot.app import muting, secrets
from bot.domain.errors import BadInput
from bot.domain.refs import Sha
from bot.domain.results import Mark, Mute, Outcome, Results
from bot.domain.runs import Reason, RunState
from bot.ports.queue import ExecuteRun, HandleDelivery
from bot.ports.sandbox import Exit
from tests.fakes.forge import HELLO, a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

FILE = b"suites: {unit: {image: box, run: make test, reports: {junit: 'out/*.xml'}}}"
UNIT = "assay / unit"


def report(**tests: str) -> bytes:
    failed = '<failure message="it is {} &lt;b&gt;">tests/test_a.py:7: Oops</failure>'
    inner = {"failed": failed, "skipped": "<skipped/>"}
    cases = "".join(
        f'<testcase classname="tests.test_a" name="{name}">{inner.get(outcome, "").format(name)}</testcase>'
        for name, outcome in tests.items()
    )
    return f'<testsuite name="pytest">{cases}</testsuite>'.encode()


def prepare(world: World, code: int = 1, file: bytes = FILE, **tests: str) -> None:
    world.forge.suite_files[""] = file
    act(world, Act(exit=Exit(code=code), files={"out/junit.xml": report(**tests)}))


def act(world: World, one: Act) -> None:
    world.sandbox.acts["printf '\\033[1m$ %s\\033[0m\\n' 'make test'\nmake test"] = one
    world.sandbox.acts["make test"] = one


def push(world: World, sha: Sha = ONE) -> None:
    world.push(sha)
    world.source.add(sha, {"tests/test_a.py": "x"})
    world.settle()


def results(world: World, build: int = 1) -> Results:
    run = world.run(build).id
    with world.app.work() as work:
        found = work.results.of_run(run)
    assert found is not None
    return found


def test_counts_and_time_stand_in_the_title(world: World) -> None:
    prepare(world, code=0, a="passed", b="passed", c="skipped")
    push(world)
    assert world.titles()[UNIT].startswith("2 passed, 1 skipped in ")
    run = world.run()
    assert run.state is RunState.PASSED
    with world.app.work() as work:
        cases = work.results.cases(run.id, 10)
    assert [(one.name, one.outcome) for one in cases] == [
        ("tests/test_a.py::a", Outcome.PASSED),
        ("tests/test_a.py::b", Outcome.PASSED),
        ("tests/test_a.py::c", Outcome.SKIPPED),
    ]


def test_failed_tests_are_the_reason_and_the_title(world: World) -> None:
    prepare(world, a="failed", b="passed")
    push(world)
    assert (world.run().state, world.run().reason) == (RunState.FAILED, Reason.TESTS)
    assert world.titles()[UNIT] == "1 test failed"
    (shown,) = [one.check for one in world.forge.shown.values() if one.check.name == UNIT]
    assert "**`tests/test_a.py::a`**" in shown.summary
    assert "it is a <b>" in shown.summary
    (note,) = shown.annotations
    assert (note.path, note.line, note.level, note.title) == ("tests/test_a.py", 7, "failure", "a failed")


def test_failed_tests_fail_a_suite_whose_command_let_them_pass(world: World) -> None:
    prepare(world, code=0, a="failed")
    push(world)
    assert (world.run().state, world.run().reason) == (RunState.FAILED, Reason.TESTS)


def test_a_promised_report_that_is_missing_fails_the_suite(world: World) -> None:
    world.forge.suite_files[""] = FILE
    push(world)
    assert (world.run().state, world.run().reason) == (RunState.FAILED, Reason.REPORT)
    assert world.titles()[UNIT] == "No test report at out/*.xml"


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (b"<testsuites/>", "No test in the report at out/*.xml"),
        (b"", "Test report out/junit.xml unreadable: it is empty"),
        (b"<testcase name='a'/><", "Test report out/junit.xml unreadable: it ends too early (line 1)"),
    ],
)
def test_an_empty_or_unreadable_report_fails_the_suite(world: World, content: bytes, title: str) -> None:
    prepare(world)
    act(world, Act(files={"out/junit.xml": content}))
    push(world)
    assert world.titles()[UNIT] == title


def test_a_link_in_place_of_a_report_is_not_followed(world: World) -> None:
    prepare(world)
    act(world, Act(links=("out/junit.xml",)))
    push(world)
    assert world.titles()[UNIT] == "Test report out/junit.xml unreadable: it is no regular file"


def test_an_optional_report_may_be_missing(world: World) -> None:
    world.forge.suite_files[""] = FILE.replace(b"{junit", b"{optional: true, junit")
    push(world)
    assert world.run().state is RunState.PASSED


def test_a_command_that_failed_before_its_tests_is_still_the_reason(world: World) -> None:
    prepare(world)
    act(world, Act(exit=Exit(code=2)))
    push(world)
    assert (world.run().reason, world.titles()[UNIT]) == (Reason.COMMAND, "make test exited with 2")
    (shown,) = [one.check for one in world.forge.shown.values() if one.check.name == UNIT]
    assert "No test report at out/" in shown.summary


def test_what_failed_on_the_branch_before_is_known_and_the_rest_is_new(world: World) -> None:
    prepare(world, a="failed", b="passed")
    push(world)
    prepare(world, a="failed", b="failed")
    push(world, TWO)
    assert world.titles(TWO)[UNIT] == "2 of 2 tests failed (1 new)"
    assert [(one.name[-1], one.mark) for one in results(world, 2).failures] == [("b", Mark.NEW), ("a", Mark.KNOWN)]
    assert results(world, 2).failures[1].since_sha == ONE


def test_a_change_is_compared_with_its_target(world: World) -> None:
    prepare(world, a="failed")
    push(world)
    world.open_change(a_change(7, TWO))
    world.settle()
    assert world.titles(TWO)[UNIT] == "1 test failed, also failing on main"


def test_a_test_that_passed_on_the_same_commit_is_flaky(world: World) -> None:
    prepare(world, code=0, a="passed")
    push(world)
    world.open_change(a_change(7, TWO))
    world.settle()
    prepare(world, a="failed")
    world.say("/test")
    assert world.titles(TWO)[UNIT] == "1 test failed, known to be flaky"


def test_a_test_that_passes_in_a_retry_is_flaky(world: World) -> None:
    prepare(world, file=FILE.replace(b"make test,", b"make test, retries: 1,"), a="failed", b="passed")
    world.push()
    world.step(HandleDelivery)
    world.step(ExecuteRun)
    act(world, Act(files={"out/junit.xml": report(a="passed", b="passed")}))
    world.settle()
    assert world.run().state is RunState.PASSED
    found = results(world)
    assert (found.passed, found.flaky, found.failed) == (1, 1, 0)
    assert [one.message for one in found.unsteady] == ["it is a <b>"]
    assert world.titles()[UNIT].startswith("1 passed, 1 flaky in ")


def test_secrets_never_reach_results(world: World) -> None:
    prepare(world, file=FILE.replace(b"make test,", b"make test, secrets: [TOKEN],"), a="failed")
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    secrets.set_secret(world.app, repository, "TOKEN", "it is a <b>", actor="ada")
    push(world)
    assert results(world).failures[0].message == "***"


def test_secrets_never_reach_findings(world: World) -> None:
    """Neither those of a report nor those that are printed in a form that only the reader of findings undoes."""
    file = FILE.replace(b"make test,", b"make test, secrets: [TOKEN],")
    world.forge.suite_files[""] = file.replace(b"junit: 'out/*.xml'", b"sarif: '*.sarif'")
    place = {"physicalLocation": {"artifactLocation": {"uri": "tests/test_a.py"}}}
    told = {"ruleId": "leak-100%&sure", "message": {"text": "found 100%&sure"}, "locations": [place]}
    sarif = json.dumps({"runs": [{"results": [told]}]}).encode()
    line = b"::error file=tests/test_a.py,line=3::it is 100%25&sure\n"
    act(world, Act(output=line, files={"s.sarif": sarif, "100%&sure.sarif": b"{"}))
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    secrets.set_secret(world.app, repository, "TOKEN", "100%&sure", actor="ada")
    push(world)
    found = results(world)
    assert [(one.message, one.title) for one in found.annotations] == [("it is ***", ""), ("found ***", "leak-***")]
    assert found.faults == ("SARIF report ***.sarif unreadable: it is not JSON",)


def test_a_suite_without_reports_may_print_findings(world: World) -> None:
    world.forge.suite_files[""] = FILE.replace(b", reports: {junit: 'out/*.xml'}", b"")
    lines = b"::warning file=tests/test_a.py,line=3,title=T::hm\n::error file=elsewhere.py::no file of the commit\n"
    act(world, Act(output=lines))
    push(world)
    (shown,) = [one.check for one in world.forge.shown.values() if one.check.name == UNIT]
    (note,) = shown.annotations
    assert (note.path, note.line, note.level, note.message) == ("tests/test_a.py", 3, "warning", "hm")
    assert world.run().state is RunState.PASSED


def test_cells_share_one_list_of_failures(world: World) -> None:
    prepare(world, file=FILE.replace(b"make test,", b"make test, matrix: {v: [1, 2]},"), a="failed", b="passed")
    push(world)
    (shown,) = [one.check for one in world.forge.shown.values() if one.check.name == UNIT]
    assert shown.title == "1 test failed in 2 of 2 environments"
    assert shown.summary.count("tests/test_a.py::a") == 1
    assert [note.title for note in shown.annotations] == ["a failed in 2 environments"]


SPARED = b"quarantine: [{tests: '*::a', issue: 'https://forge.test/i/7', until: %s}]\n" + FILE


def test_a_failure_in_quarantine_does_not_count_and_shows_its_issue(world: World) -> None:
    prepare(world, file=SPARED % b"2026-11-25", a="failed", b="passed")
    push(world)
    assert world.run().state is RunState.PASSED
    assert world.titles()[UNIT].startswith("1 passed, 1 failed in quarantine in ")
    (shown,) = [one.check for one in world.forge.shown.values() if one.check.name == UNIT]
    assert (
        "### In quarantine: does not count\n**`tests/test_a.py::a`** — [issue](https://forge.test/i/7)"
        in shown.summary
    )
    assert [note.level for note in shown.annotations] == ["notice"]


def mute(world: World, name: str, days: int = 3) -> None:
    until = world.now.date() + timedelta(days=days)
    wanted = Mute(suite="unit", name=name, until=until, reason="see @issue 7", actor="ana")
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    muting.mute(world.app, repository, wanted)


def test_a_muted_test_fails_nothing_until_its_day_is_over_and_the_check_says_who_muted_it(world: World) -> None:
    prepare(world, a="failed", b="passed")
    mute(world, "tests/test_a.py::a")
    push(world)
    assert world.run().state is RunState.PASSED
    (shown,) = [one.check for one in world.forge.shown.values() if one.check.name == UNIT]
    assert "**`tests/test_a.py::a`** — muted to 28 Nov by ana: see" in shown.summary
    assert [note.level for note in shown.annotations] == ["notice"]
    world.now += timedelta(days=4)
    push(world, sha=TWO)
    assert world.titles(TWO)[UNIT] == "1 test failed, also failing on main"


def test_who_mutes_says_why_and_for_how_long(world: World) -> None:
    with pytest.raises(BadInput, match="in 90 days at the latest"):
        mute(world, "a", days=91)
    with pytest.raises(BadInput, match="today at the earliest"):
        mute(world, "a", days=-1)


def test_other_failures_count_beside_those_in_quarantine(world: World) -> None:
    prepare(world, file=SPARED % b"2026-11-25", a="failed", b="failed")
    push(world)
    assert world.run().reason is Reason.TESTS
    assert world.titles()[UNIT] == "1 test failed"


def test_a_quarantine_whose_last_day_is_over_is_an_error_of_the_suite_file(world: World) -> None:
    prepare(world, file=SPARED % b"2026-11-24", a="failed")
    push(world)
    (shown,) = [one.check for one in world.forge.shown.values() if one.check.name == "assay"]
    assert shown.title == ".assay.yml has 1 error"
    assert "the quarantine ended on 2026-11-24" in shown.summary


def test_a_quarantine_that_ends_while_a_run_waits_ends_for_it_too(world: World) -> None:
    prepare(world, file=SPARED % b"2026-11-25", a="failed")
    world.push()
    world.step(HandleDelivery)
    world.now += timedelta(days=1)
    world.settle()
    assert world.run().reason is Reason.TESTS
