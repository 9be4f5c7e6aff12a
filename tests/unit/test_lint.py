"""`assay lint`: what it prints and the exit status."""

import json
import re
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from bot.app.suitefile import LIMIT, MEANINGS, NAMES, render_text
from bot.cli import main
from bot.cli.lint import lint
from bot.domain.errors import Problem

GOOD = "suites:\n  unit: {image: box:1, run: x}\n"
BAD = "suites:\n  unit:\n    image: box\n    timeout: 10\n    run: x\n    artefacts: [dist/]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(lint, args)


@pytest.mark.parametrize("name", [".assay.yml", ".assay.yaml"])
def test_the_file_of_the_folder_is_found_by_either_name(folder: Path, name: str) -> None:
    (folder / name).write_text(GOOD)
    done = run()
    assert (done.exit_code, done.stdout) == (0, f"assay: {name} ok, 1 suite\n")


def test_two_files_in_one_folder_are_an_error(folder: Path) -> None:
    (folder / ".assay.yml").write_text(GOOD)
    (folder / ".assay.yaml").write_text(GOOD)
    done = run()
    assert done.exit_code == 2
    assert ".assay.yml:1:1: error C004: both .assay.yml and .assay.yaml are there" in done.stdout


def test_a_folder_without_a_file_is_one_line_and_status_2(folder: Path) -> None:
    done = run()
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "assay: there is no .assay.yml in this folder\n"


def test_a_missing_file_is_one_line_and_the_others_are_checked(folder: Path) -> None:
    (folder / "good.yml").write_text(GOOD)
    done = run("gone.yml", "good.yml")
    assert (done.exit_code, done.stdout) == (2, "assay: good.yml ok, 1 suite\n")
    assert done.stderr == "assay: gone.yml: no such file or directory\n"


def test_a_folder_in_place_of_a_file_is_one_line(folder: Path) -> None:
    done = run(".")
    assert (done.exit_code, done.stderr) == (2, "assay: .: is a directory\n")


def test_an_endless_file_is_read_up_to_the_limit(folder: Path) -> None:
    (folder / "big.yml").write_bytes(b"#" * (LIMIT + 1))
    done = run("big.yml")
    assert done.exit_code == 2
    assert done.stdout.startswith("big.yml:1:1: error C007: the file is larger than 256 KiB\n")


def test_every_problem_is_shown_in_its_line(folder: Path) -> None:
    (folder / "bad.yml").write_text(BAD)
    done = run("bad.yml")
    assert done.exit_code == 2
    assert done.stdout == (
        'bad.yml:4:14: error C109: suites.unit.timeout: a duration needs a unit: write "10m" or "10s"\n'
        "    4 |     timeout: 10\n"
        "      |              ^\n"
        'bad.yml:6:5: error C101: "artefacts" is not a known key here\n'
        "    6 |     artefacts: [dist/]\n"
        "      |     ^\n"
        '      = help: did you mean "artifacts"?\n'
    )


def test_json_has_every_field(folder: Path) -> None:
    (folder / "bad.yml").write_text(BAD)
    done = run("bad.yml", "--format", "json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)[1] == {
        "path": "bad.yml",
        "line": 6,
        "column": 5,
        "end_column": 14,
        "severity": "error",
        "code": "C101",
        "message": '"artefacts" is not a known key here',
        "help": 'did you mean "artifacts"?',
    }


def test_json_of_a_good_file_is_an_empty_list(folder: Path) -> None:
    (folder / ".assay.yml").write_text(GOOD)
    done = run("--format=json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_github_gets_one_command_a_problem_that_nothing_can_break_out_of(folder: Path) -> None:
    (folder / "a,b:c%.yml").write_text('suites:\n  u: {image: box, run: x, "100%\\n::stop": 1}\n')
    done = run("a,b:c%.yml", "--format", "github")
    assert done.exit_code == 2
    assert done.stdout == (
        "::error file=a%2Cb%3Ac%25.yml,line=2,col=27,endColumn=41,title=C101::"
        '"100%25 ::stop" is not a known key here\n'
    )


def test_a_warning_is_shown_and_fails_nothing(folder: Path) -> None:
    (folder / ".assay.yml").write_text("suites:\n  unit: {image: box, run: x}\n")
    done = run()
    assert done.exit_code == 0
    assert done.stdout == (
        '.assay.yml:2:17: warning W302: "box" may be another image tomorrow\n'
        "    2 |   unit: {image: box, run: x}\n"
        "      |                 ^\n"
        "      = help: name a version, or a digest\n"
        "assay: .assay.yml ok, 1 suite\n"
    )


def test_gitlab_gets_a_report_of_code_quality(folder: Path) -> None:
    (folder / "bad.yml").write_text(BAD)
    done = run("bad.yml", "--format", "gitlab")
    first, second = json.loads(done.stdout)
    assert done.exit_code == 2
    assert first["fingerprint"] != second["fingerprint"]
    assert second == {
        "description": '"artefacts" is not a known key here; did you mean "artifacts"?',
        "check_name": "C101",
        "fingerprint": second["fingerprint"],
        "severity": "major",
        "location": {"path": "bad.yml", "lines": {"begin": 6}},
    }


def test_sarif_names_rule_level_and_place(folder: Path) -> None:
    (folder / "my file.yml").write_text("suites:\n  unit: {image: box, run: x}\n")
    done = run("my file.yml", "--format", "sarif")
    (result,) = json.loads(done.stdout)["runs"][0]["results"]
    assert (done.exit_code, result["ruleId"], result["level"]) == (0, "W302", "warning")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "my%20file.yml"},
        "region": {"startLine": 2, "startColumn": 17, "endColumn": 20},
    }


@pytest.mark.parametrize("form", ["json", "gitlab", "sarif", "github"])
def test_every_form_has_something_to_say_about_a_good_file(folder: Path, form: str) -> None:
    (folder / ".assay.yml").write_text(GOOD)
    done = run("--format", form)
    assert done.exit_code == 0
    assert "C1" not in done.stdout


def test_an_unknown_form_is_wrong_use(folder: Path) -> None:
    assert run("--format", "xml").exit_code == 2


def test_a_long_line_is_shown_around_the_problem() -> None:
    data = b"a" * 5000 + b"b" + b"c" * 5000
    source, caret = render_text("f", data, [Problem("C1", 1, 5001, "m")]).splitlines()[1:3]
    assert len(source) < 130
    assert source[caret.index("^")] == "b"


def test_what_a_terminal_acts_upon_is_not_printed() -> None:
    listing = render_text("f", b"a: \x1b]0;x\x07\x1b[31m\xff\tb\r\n", [Problem("C1", 1, 4, "m", "h")])
    assert not set(listing) & {"\x1b", "\x07", "\r", "\t"}


def test_a_place_beyond_the_file_has_no_source_line() -> None:
    assert render_text("f", b"", [Problem("C1", 9, 1, "m")]) == "f:9:1: error C1: m\n"


def test_a_code_is_explained_and_one_that_is_none_is_refused_with_a_guess() -> None:
    done = CliRunner().invoke(main, ["explain", "c201", "W302"])
    assert (done.exit_code, done.output.startswith("C201: a name that stands nowhere in the file\n\n")) == (0, True)
    assert "W302: an image whose content changes" in done.output
    wrong = CliRunner().invoke(main, ["explain", "C301"])
    assert (wrong.exit_code, "did you mean " in wrong.output) == (2, True)
    assert len(CliRunner().invoke(main, ["explain"]).output.splitlines()) == len(MEANINGS)


def test_the_hook_of_pre_commit_checks_the_files_that_assay_reads() -> None:
    (hook,) = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert (hook["id"], hook["entry"]) == ("assay-lint", "assay lint")
    seen = [name for name in (*NAMES, "sub/.assay.yml", "assay.yml") if re.search(hook["files"], name)]
    assert seen == list(NAMES)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_their_completion(shell: str) -> None:
    asked = {"_ASSAY_COMPLETE": f"{shell}_complete", "COMP_CWORD": "ru" if shell == "fish" else "1"}
    done = CliRunner().invoke(main, env={**asked, "COMP_WORDS": "assay ru"}, prog_name="assay")
    assert re.search(r"\brun\b", done.output)
    lost = CliRunner().invoke(
        main, env={**asked, "COMP_WORDS": "assay nothing ", "COMP_CWORD": "2"}, prog_name="assay"
    )
    assert "Traceback" not in lost.output
    assert not isinstance(lost.exception, click.ClickException)
    script = CliRunner().invoke(main, env={"_ASSAY_COMPLETE": f"{shell}_source"}, prog_name="assay")
    assert "_ASSAY_COMPLETE" in script.output
