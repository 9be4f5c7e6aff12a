"""The demo's round: its repository does what the round expects, and what is not right is found."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.command import run_demo
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import CheckRun, Pull
from bot.demo.hello import FAILED_LINE, PASSED_LINE, Hello
from bot.demo.round import PASSING, Round, differences, fenced_lines, page_shows
from tests.demoforge import pretend_github

SHA = "1234567890" * 4


@pytest.fixture
def github() -> Iterator[PretendGitHub]:
    with pretend_github() as started:
        yield started


def suite_of(pull: Pull, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the unit suite of the pull request's head here."""
    archive = pull.repo.git.git("archive", pull.head_sha)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        for member in packed.getmembers():
            packed.extract(member, folder, filter="data")
    command = ["/bin/sh", "-eu", "tests/run.sh"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603  # our own script


def check(github: PretendGitHub, pull: Pull, name: str, conclusion: str, summary: str = "") -> CheckRun:
    return CheckRun(
        id=github.world.new_id(),
        suite=1,
        repo=pull.repo,
        sha=pull.head_sha,
        name=name,
        status="completed",
        conclusion=conclusion,
        details_url="http://127.0.0.1:9/b/1/unit",
        summary=summary,
    )


def test_the_suite_passes_then_fails_then_passes(github: PretendGitHub, tmp_path: Path) -> None:
    hello = Hello(github)
    pull = hello.open()
    opened = suite_of(pull, tmp_path / "opened")
    hello.break_it(pull)
    broken = suite_of(pull, tmp_path / "broken")
    hello.fix_it(pull)
    fixed = suite_of(pull, tmp_path / "fixed")
    assert (opened.returncode, broken.returncode, fixed.returncode) == (0, 1, 0)
    assert PASSED_LINE in opened.stdout
    assert FAILED_LINE in broken.stdout


def test_every_pull_request_has_a_branch_of_its_own(github: PretendGitHub) -> None:
    hello = Hello(github)
    assert hello.open().head_ref != hello.open().head_ref


def test_a_round_that_nobody_answers_says_what_is_missing(github: PretendGitHub) -> None:
    said: list[str] = []
    played = Round(github, Hello(github), said.append, is_alive=lambda: False)
    played.play()
    assert [each.split(": ", 1)[1] for each in played.wrong[:3]] == [
        "assay should be success, but is absent",
        "assay / docs should be skipped, but is absent",
        "assay / unit should be success, but is absent",
    ]
    assert github.world.pulls[0].head_sha[:7] in played.wrong[-1]


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [
        ([("assay", "success"), ("assay / docs", "skipped"), ("assay / unit", "success")], []),
        (
            [("assay", "success"), ("assay / docs", "skipped"), ("assay / unit", "failure")],
            ["1234567: assay / unit should be success, but is failure"],
        ),
        (
            [("assay", "success"), ("assay", "success"), ("assay / docs", "skipped"), ("assay / unit", "success")],
            ["1234567: assay should be success, but is success, success"],
        ),
        (
            [("assay", "success"), ("assay / docs", "skipped"), ("assay / unit", "success"), ("x", "neutral")],
            ["1234567: x should be absent, but is neutral"],
        ),
    ],
)
def test_what_differs(github: PretendGitHub, shown: list[tuple[str, str]], wrong: list[str]) -> None:
    pull = Hello(github).open()
    runs = [check(github, pull, name, conclusion) for name, conclusion in shown]
    assert differences(SHA, runs, PASSING) == wrong


def test_a_failure_without_the_failing_line_is_not_right(github: PretendGitHub) -> None:
    hello = Hello(github)
    played = Round(github, hello, say=lambda _: None, is_alive=lambda: False)
    pull = hello.open()
    github.world.checks.append(check(github, pull, "assay / unit", "failure", "**Failed**"))
    played._look(pull, {"assay / unit": "failure"}, FAILED_LINE)
    assert [each.split("does not show")[0] for each in played.wrong] == [
        "assay / unit: its summary ",
        "assay / unit: the page http://127.0.0.1:9/b/1/unit ",
    ]


def test_lines_inside_fences() -> None:
    text = "**Failed**\n\n```\none\ntwo\n```\n\n````\n```\n````\n\n[Log](x)"
    assert fenced_lines(text) == ["one", "two", "```"]


@pytest.mark.parametrize(("line", "found"), [("Say hello  in French", True), ("Say goodbye", False)])
def test_a_line_is_found_however_the_page_marks_it_up(github: PretendGitHub, line: str, found: bool) -> None:
    Hello(github).open()
    assert page_shows(github.url, line) is found


@pytest.mark.docker
def test_the_demo_ends_with_every_check_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo(once=True) == 0, capsys.readouterr().out
