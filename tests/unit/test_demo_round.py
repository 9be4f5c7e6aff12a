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
from bot.demo.hello import (
    BROKEN_LINE,
    EARLY_LINE,
    FRENCH_LINE,
    GERMAN_LINE,
    SPANISH_LINE,
    STRANGER,
    VALID_LINE,
    Hello,
)
from bot.demo.on_github import OnGitHub
from bot.demo.round import PASSING, RETESTED, Round, differences, fenced_lines, page_shows
from bot.demo.stage import Shown
from bot.domain.texts import plain
from tests.demoforge import pretend_github

SHA = "1234567890" * 4


@pytest.fixture
def github() -> Iterator[PretendGitHub]:
    with pretend_github() as started:
        yield started


@pytest.fixture
def stage(github: PretendGitHub) -> OnGitHub:
    return OnGitHub(github)


def suite_of(pull: Pull, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the unit suite of the pull request's head here."""
    archive = pull.repo.git.git("archive", pull.head_sha)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        for member in filter(tarfile.TarInfo.isfile, packed.getmembers()):
            content = packed.extractfile(member)
            assert content
            (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / member.name).write_bytes(content.read())
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


def shown_as(checks: list[tuple[str, str]]) -> list[Shown]:
    return [Shown(name=name, state=state, title="", url="") for name, state in checks]


def lines_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What it printed, as text."""
    return plain(done.stdout).splitlines()


def test_the_suite_passes_then_fails_then_passes(stage: OnGitHub, tmp_path: Path) -> None:
    hello = Hello(stage)
    pull = hello.open()
    opened = suite_of(pull, tmp_path / "opened")
    hello.break_it(pull)
    broken = suite_of(pull, tmp_path / "broken")
    hello.fix_it(pull)
    fixed = suite_of(pull, tmp_path / "fixed")
    assert (opened.returncode, broken.returncode, fixed.returncode) == (0, 1, 0)
    assert f"  {GERMAN_LINE}" in lines_of(opened)
    assert f"  {BROKEN_LINE}" in lines_of(broken)
    assert f"  {FRENCH_LINE}" in lines_of(fixed)


@pytest.mark.parametrize(
    ("moment", "status", "line"),
    [(0, 0, VALID_LINE), (99_999_999_999, 1, EARLY_LINE)],
    ids=["long ago", "in thousands of years"],
)
def test_a_certificate_is_valid_from_its_moment_on(
    stage: OnGitHub, tmp_path: Path, moment: int, status: int, line: str
) -> None:
    done = suite_of(Hello(stage).renew_certificate(moment), tmp_path)
    assert done.returncode == status
    assert f"  {line}" in lines_of(done)


def test_a_strangers_pull_request_comes_from_a_fork_and_stays_there(
    github: PretendGitHub, stage: OnGitHub, tmp_path: Path
) -> None:
    hello = Hello(stage)
    first, pull = hello.open_as_stranger(), hello.open_as_stranger()
    opened = suite_of(pull, tmp_path / "opened")
    hello.break_it(pull)
    broken = suite_of(pull, tmp_path / "broken")

    assert first.head_repo is pull.head_repo is github.world.repo(f"{STRANGER}/hello")
    assert stage.repo.role(pull.author) == "none"
    assert f"  {SPANISH_LINE}" in lines_of(opened)
    assert f"  {BROKEN_LINE}" in lines_of(broken)
    assert stage.repo.git.resolve(f"refs/heads/{pull.head_ref}") is None
    assert stage.repo.git.log(pull.head_sha, limit=1)[0].name == STRANGER


def test_a_pull_request_whose_fork_is_gone_cannot_be_broken(github: PretendGitHub, stage: OnGitHub) -> None:
    hello = Hello(stage)
    pull = hello.open_as_stranger()
    before = pull.head_sha
    github.delete_fork(pull)
    hello.break_it(pull)
    assert pull.head_sha == before


def test_every_pull_request_has_a_branch_of_its_own(stage: OnGitHub) -> None:
    hello = Hello(stage)
    assert hello.open().head_ref != hello.open().head_ref


def test_a_round_that_nobody_answers_says_what_is_missing(github: PretendGitHub, stage: OnGitHub) -> None:
    said: list[str] = []
    played = Round(stage, Hello(stage), said.append, is_alive=lambda: False)
    played.play()
    assert [each.split(": ", 1)[1] for each in played.wrong[:3]] == [
        "assay should be success, but is absent",
        "assay / docs should be skipped, but is absent",
        "assay / unit should be success, but is absent",
    ]
    assert played.wrong[-1].startswith(github.world.pulls[-1].head_sha[:7])
    assert "/retest by ada: the bot does not say that it was done" in played.wrong
    assert "/ok-to-test by ada: the bot does not say that it was done" in played.wrong


def test_a_round_names_each_of_its_five_steps(stage: OnGitHub) -> None:
    said: list[str] = []
    Round(stage, Hello(stage), said.append, is_alive=lambda: False).play()
    assert [each.strip()[:3] for each in said if each.startswith("\n")] == ["1  ", "2  ", "3  ", "4  ", "5  "]


def test_a_round_ends_early_when_checks_never_come(stage: OnGitHub) -> None:
    said: list[str] = []
    played = Round(stage, Hello(stage), said.append, is_alive=lambda: True, limit=0.05)
    played.play()
    assert played.wrong[-1].endswith("the checks were not complete after 0.05 seconds")
    assert [each.strip()[:2] for each in said] == ["1 "]


def test_a_comment_that_was_obeyed_shows_its_reactions(github: PretendGitHub, stage: OnGitHub) -> None:
    hello = Hello(stage)
    pull = hello.open()
    said: list[str] = []

    def is_alive() -> bool:
        github.comments(pull)[0].reactions.update({(github.app.bot.id, "eyes"): 1, (github.app.bot.id, "+1"): 2})
        return True

    played = Round(stage, hello, said.append, is_alive)
    played._comment(pull, "retest")
    assert (said, played.wrong) == (["   ada comments /retest  👀 👍"], [])


def test_a_comment_that_was_refused_is_not_right(github: PretendGitHub, stage: OnGitHub) -> None:
    hello = Hello(stage)
    pull = hello.open()

    def is_alive() -> bool:
        github.comments(pull)[0].reactions[github.app.bot.id, "confused"] = 1
        return True

    played = Round(stage, hello, say=lambda _: None, is_alive=is_alive)
    played._comment(pull, "ok-to-test")
    assert played.wrong == ["/ok-to-test by ada: the bot does not say that it was done"]


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
def test_what_differs(shown: list[tuple[str, str]], wrong: list[str]) -> None:
    assert differences(SHA, shown_as(shown), PASSING) == wrong


def test_a_retested_commit_keeps_the_check_runs_of_both_tries() -> None:
    first = [("assay", "failure"), ("assay / docs", "skipped"), ("assay / unit", "failure")]
    second = [("assay", "success"), ("assay / unit", "success")]
    assert differences(SHA, shown_as([*first, *second]), RETESTED) == []
    found = differences(SHA, shown_as(first), RETESTED)
    assert found[0] == "1234567: assay should be failure, success, but is failure"


def test_a_failure_without_the_failing_line_is_not_right(github: PretendGitHub, stage: OnGitHub) -> None:
    hello = Hello(stage)
    played = Round(stage, hello, say=lambda _: None, is_alive=lambda: False)
    pull = hello.open()
    github.world.checks.append(check(github, pull, "assay / unit", "failure", "**Failed**"))
    played._look(pull, {"assay / unit": ("failure",)}, BROKEN_LINE)
    assert [each.split("does not show")[0] for each in played.wrong] == [
        "assay / unit: its summary ",
        "assay / unit: the page http://127.0.0.1:9/b/1/unit ",
    ]


def test_lines_inside_fences() -> None:
    text = "**Failed**\n\n```\none\ntwo\n```\n\n````\n```\n````\n\n[Log](x)"
    assert fenced_lines(text) == ["one", "two", "```"]


@pytest.mark.parametrize(("line", "found"), [("Say hello  in German", True), ("Say goodbye", False)])
def test_a_line_is_found_however_the_page_marks_it_up(
    github: PretendGitHub, stage: OnGitHub, line: str, found: bool
) -> None:
    Hello(stage).open()
    assert page_shows(github.url, line) is found


@pytest.mark.docker
@pytest.mark.timeout(180)
@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_the_demo_ends_with_every_check_right(capsys: pytest.CaptureFixture[str], forge: str) -> None:
    assert run_demo(forge, once=True) == 0, capsys.readouterr().out
