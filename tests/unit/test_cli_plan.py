"""`assay plan`: what would run for the present branch."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.plan import plan
from tests.workfolders import commit, git, repository, write

FILE = """
suites:
  unit:
    image: box:1
    matrix: {python: [3.9, 3.12]}
    run: x
  web: {image: box:1, run: x, when: {paths: ["web/**"]}}
  release: {image: box:1, run: x, when: {events: [tag]}}
  main: {image: box:1, run: x, when: {branches: [main], events: [push]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """On a branch that changed one file since it left main."""
    root = repository(tmp_path / "here", {".assay.yml": FILE, "web/a.js": "x"})
    git(root, "checkout", "-q", "-b", "feature")
    write(root, {"README": "x"})
    commit(root, "Write it down")
    monkeypatch.chdir(root)
    return root


def run(*args: str) -> Result:
    return CliRunner().invoke(plan, args)


def test_it_tells_what_runs_and_why_the_rest_does_not(folder: Path) -> None:
    done = run()
    assert done.exit_code == 0
    assert done.stdout == (
        "pull_request of feature into main: 2 of 5 would run\n"
        "  ✓ unit (3.9)\n"
        "  ✓ unit (3.12)\n"
        "  - web          no changed file matches web/**\n"
        "  - release      only for tag\n"
        "  - main         only for push\n"
    )


def test_a_push_of_another_branch_is_told(folder: Path) -> None:
    assert "  - main         branch feature does not match main\n" in run("--event", "push").stdout


def test_a_tag_starts_what_is_for_tags(folder: Path) -> None:
    assert "  ✓ release\n" in run("--event", "tag").stdout


def test_a_changed_file_lets_its_suite_run(folder: Path) -> None:
    write(folder, {"web/a.js": "y"})
    commit(folder, "Change it")
    assert "  ✓ web\n" in run("--base", "main").stdout


def test_skip_ci_in_the_last_commit_counts(folder: Path) -> None:
    commit(folder, "Nothing to see [skip ci]")
    assert "the commit message says [skip ci]" in run().stdout


def test_programs_get_json(folder: Path) -> None:
    told = json.loads(run("--json").stdout)
    assert (told["event"], told["branch"], told["base"]) == ("pull_request", "feature", "main")
    assert told["suites"][2] == {
        "suite": "web",
        "cell": "",
        "runs": False,
        "why": "no changed file matches web/**",
        "runs_on": [],
    }


def test_a_suite_that_wants_a_labelled_worker_says_so(folder: Path) -> None:
    (folder / ".assay.yml").write_text(f"{FILE}  training: {{image: box:1, run: x, runs_on: [gpu, amd64]}}\n")
    done = run("--event", "push")
    assert "✓ training     on a worker with gpu, amd64\n" in done.stdout


def test_a_schedule_asks_for_no_changed_file_and_tells_what_is_not_for_it(folder: Path) -> None:
    when = 'when: {events: [schedule], schedule: "0 3 * * *", paths: ["nothing/**"]}'
    (folder / ".assay.yml").write_text(f"{FILE}  nightly: {{image: box:1, run: x, {when}}}\n")
    done = run("--event", "schedule")
    assert done.stdout.startswith("schedule of feature: 1 of 6 would run\n")
    assert "  ✓ nightly\n" in done.stdout


def test_a_base_that_is_not_there_is_an_error(folder: Path) -> None:
    done = run("--base", "trunk")
    assert (done.exit_code, done.stderr) == (
        2,
        "assay: there is no branch trunk here that the present one has left\n",
    )


def test_without_a_known_base_path_filters_are_not_used_and_it_is_said(folder: Path) -> None:
    git(folder, "branch", "-m", "main", "trunk")
    done = run()
    assert "  ✓ web\n" in done.stdout
    assert done.stdout.endswith("path filters were not used.\n")


def test_an_invalid_suite_file_shows_its_errors_and_status_2(folder: Path) -> None:
    (folder / ".assay.yml").write_text("suites: {unit: {run: x}}\n")
    done = run()
    assert done.exit_code == 2
    assert ".assay.yml:1:" in done.stderr


def test_without_a_suite_file_it_says_how_to_get_one(folder: Path) -> None:
    (folder / ".assay.yml").unlink()
    done = run()
    assert (done.exit_code, "`assay init` proposes one" in done.stderr) == (2, True)
