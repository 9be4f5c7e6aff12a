"""`assay init`: what is proposed, and that nothing is overwritten."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from bot.app import suitefile
from bot.app.proposing import LOOKED_AT, propose
from bot.cli.init import init


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(init, args)


def proposed(files: dict[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    file = suitefile.parse(".assay.yml", propose(files).encode())
    assert not file.warnings
    return {suite.name: (suite.image, suite.commands) for suite in file.suites}


VENV = ("python -m venv .venv", ". .venv/bin/activate")


@pytest.mark.parametrize(
    ("files", "image", "commands"),
    [
        ({"pyproject.toml": ""}, "python:3.12-slim", (*VENV, "pip install -e . pytest", "pytest")),
        (
            {"pyproject.toml": '[project]\nrequires-python = ">=3.14"\noptional-dependencies = {test = []}'},
            "python:3.14-slim",
            (*VENV, 'pip install -e ".[test]"', "pytest"),
        ),
        ({"tox.ini": "", "pyproject.toml": ""}, "python:3.12-slim", (*VENV, "pip install tox", "tox")),
        ({"noxfile.py": ""}, "python:3.12-slim", (*VENV, "pip install nox", "nox")),
        (
            {"pyproject.toml": "", "uv.lock": ""},
            "python:3.12-slim",
            (*VENV, "pip install uv", "export UV_CACHE_DIR=.uv-cache", "uv sync --locked", "uv run pytest"),
        ),
    ],
)
def test_a_python_project_is_tested_by_what_it_has_chosen(
    files: dict[str, str], image: str, commands: tuple[str, ...]
) -> None:
    assert proposed(files) == {"python": (image, commands)}


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        ({}, ("npm install", "npm test")),
        ({"package-lock.json": "{}"}, ("npm ci", "npm test")),
        (
            {"pnpm-lock.yaml": ""},
            (
                "export COREPACK_HOME=$PWD/.corepack",
                "corepack pnpm install --frozen-lockfile",
                "corepack pnpm test",
            ),
        ),
    ],
)
def test_a_node_project_is_installed_as_its_lock_file_says(files: dict[str, str], commands: tuple[str, ...]) -> None:
    found = proposed({"package.json": "{}", **files})
    assert found == {"node": ("node:22-slim", ("export npm_config_cache=$PWD/.npm", *commands))}


def test_scripts_of_package_json_are_run_one_by_one() -> None:
    commands = proposed({"package.json": '{"scripts": {"test": "x", "lint": "y", "other": "z"}}'})["node"][1]
    assert commands[-2:] == ("npm run lint", "npm run test")


def test_each_language_gets_its_suite() -> None:
    found = proposed({"go.mod": "module x\n\ngo 1.24.1\n", "Cargo.toml": "", "Cargo.lock": "", "Makefile": "test:\n"})
    assert {name: image for name, (image, _) in found.items()} == {"go": "golang:1.24", "rust": "rust:1-slim"}
    assert found["rust"][1][-1] == "cargo test --locked"


@pytest.mark.parametrize(("target", "name"), [("test: build", "test"), ("check:", "check")])
def test_a_makefile_counts_where_nothing_else_is(target: str, name: str) -> None:
    assert proposed({"Makefile": f"all:\n\ttrue\n{target}\n\ttrue\n"})["make"][1] == (f"make {name}",)


@pytest.mark.parametrize("files", [{}, {"Makefile": "test := 1\nall:\n"}], ids=["nothing", "no such target"])
def test_without_anything_to_see_there_is_a_form_to_fill_in(files: dict[str, str]) -> None:
    assert proposed(files)["test"][1] == ('echo "put the commands of your tests here"',)


@given(st.dictionaries(st.sampled_from(LOOKED_AT), st.text() | st.sampled_from(["[]", "{", '{"scripts": 3}'])))
def test_whatever_the_files_hold_the_proposal_is_a_right_suite_file(files: dict[str, str]) -> None:
    assert proposed(files)


@pytest.mark.parametrize("args", [[], ["--print"]])
def test_it_shows_the_proposal_and_writes_nothing(folder: Path, args: list[str]) -> None:
    (folder / "go.mod").write_text("go 1.24\n")
    done = run(*args)
    assert (done.exit_code, "golang:1.24" in done.stdout, list(folder.iterdir())) == (0, True, [folder / "go.mod"])


def test_it_writes_when_told_to(folder: Path) -> None:
    assert run("--write").exit_code == 0
    assert (folder / ".assay.yml").read_text() == run("--print").stdout


@pytest.mark.parametrize("name", [".assay.yml", ".assay.yaml"])
def test_a_suite_file_that_is_there_stays_as_it_is(folder: Path, name: str) -> None:
    (folder / name).write_text("mine")
    done = run("--write")
    assert (done.exit_code, done.stderr) == (2, f"assay: {name} is there already; it stays as it is\n")
    assert [(one.name, one.read_text()) for one in folder.iterdir()] == [(name, "mine")]


WORKFLOW = """
jobs:
  test:
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.ref }}"
      - name: all of it
        run: ./configure --with-x: "y"   # a remark
      - run: make
      - run: |
          several lines
"""


def test_where_nothing_else_tells_more_the_steps_of_a_workflow_are_proposed(folder: Path) -> None:
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / ".github/workflows/ci.yml").write_text(WORKFLOW)
    file = suitefile.parse(".assay.yml", run("--print").output.encode())
    assert [suite.commands for suite in file.suites] == [('./configure --with-x: "y"   # a remark', "make")]


@given(st.text())
def test_whatever_a_workflow_holds_the_proposal_is_a_right_suite_file(text: str) -> None:
    proposed({".github/workflows/a.yml": text})
    proposed({".github/workflows/a.yml": f"- run: {text}"})
