"""`assay run`: wrong use, secrets files, names of logs and exit statuses; running itself is in tests/e2e."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.run import log_paths, read_secrets, run, status_of
from bot.cli.streaming import Stream
from bot.domain.errors import BadInput
from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import BuildId, Run, RunId, RunState, Trust
from bot.domain.suites import Suite

GOOD = "suites:\n  unit: {image: box:1, run: x}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".assay.yml").write_text(GOOD)
    return tmp_path


def invoke(*args: str) -> Result:
    return CliRunner().invoke(run, args)


def ended(state: RunState, *, allow_failure: bool = False) -> Run:
    return Run(
        id=RunId("run1"),
        build=BuildId(0),
        repository=RepositoryId(0),
        sha=Sha(""),
        suite=Suite(name="unit", image="box:1", commands=("x",), allow_failure=allow_failure),
        trust=Trust.TRUSTED,
        state=state,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["unti"], "assay: There is no suite unti. Did you mean unit? Suites here: unit.\n"),
        (["--set", "python"], "assay: --set python: write it like --set python=3.12\n"),
        (["--set", "=3.12"], "assay: --set =3.12: write it like --set python=3.12\n"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(folder: Path, args: list[str], words: str) -> None:
    done = invoke(*args)
    assert (done.exit_code, done.stderr) == (2, words)


def test_an_invalid_suite_file_is_status_2(folder: Path) -> None:
    (folder / ".assay.yml").write_text("suites: {unit: {run: x}}\n")
    done = invoke()
    assert (done.exit_code, ".assay.yml:1:" in done.stderr) == (2, True)


def test_two_suite_files_are_status_2(folder: Path) -> None:
    (folder / ".assay.yaml").write_text(GOOD)
    done = invoke()
    assert (done.exit_code, "both .assay.yml and .assay.yaml are there" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", [".assay", ".assay/logs", ".assay/runs", ".assay/cache", ".assay/.gitignore"])
@pytest.mark.parametrize("args", [[], ["--clean"]])
def test_a_folder_of_ours_that_the_repository_links_elsewhere_is_refused(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str, args: list[str]
) -> None:
    elsewhere = tmp_path_factory.mktemp("home")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(elsewhere)
    done = invoke(*args)
    assert (done.exit_code, f"{folder / name} is a link" in done.stderr) == (2, True)
    assert list(elsewhere.iterdir()) == []


def test_what_a_suite_prints_never_goes_through_a_link_of_the_repository(tmp_path: Path) -> None:
    """Else a repository could have its own words written into its reader's .bashrc."""
    theirs, log = tmp_path / "bashrc", tmp_path / "logs/unit.log"
    theirs.write_bytes(b"as it was")
    log.parent.mkdir()
    log.symlink_to(theirs)
    with Stream(log) as stream:
        stream.write(b"harm\n")
    assert (theirs.read_bytes(), log.is_symlink(), log.read_bytes()) == (b"as it was", False, b"harm\n")


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([RunState.PASSED, RunState.SKIPPED], 0),
        ([RunState.PASSED, RunState.FAILED], 1),
        ([RunState.TIMED_OUT], 1),
        ([RunState.ERRORED, RunState.FAILED], 1),
        ([RunState.ERRORED, RunState.SKIPPED], 3),
        ([RunState.CANCELLED], 5),
    ],
)
def test_the_exit_status_tells_the_worst(states: list[RunState], status: int) -> None:
    assert status_of([ended(state) for state in states]) == status


def test_what_may_fail_counts_as_passed() -> None:
    assert status_of([ended(RunState.FAILED, allow_failure=True)]) == 0


def test_logs_are_named_after_their_cells_and_never_share_a_file() -> None:
    cells = [((), 1), ((("py", "3.12"), ("db", "a/b")), 1), ((("py", "3.12"), ("db", "a-b")), 1)]
    suites = [Suite(name="unit", image="box:1", commands=(), cell=cell, shard=shard) for cell, shard in cells]
    assert list(log_paths(suites).values()) == [
        ".assay/logs/unit.log",
        ".assay/logs/unit-3.12-a-b.log",
        ".assay/logs/unit-3.12-a-b~2.log",
    ]


def test_a_value_is_all_behind_the_first_equals_sign(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text("# mine\n\nKEY=correct=horse battery \r\nOTHER=12345678\n")
    assert read_secrets(path) == {"KEY": "correct=horse battery ", "OTHER": "12345678"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("correct-horse", "write NAME=VALUE"),
        ("key=correct-horse", "the name of a secret has capital letters"),
        ("PATH=correct-horse", "PATH can't be a secret"),
        ("KEY=horse", "less than 8 characters"),
    ],
)
def test_a_wrong_line_is_named_and_never_shown(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "secrets"
    path.write_text(f"# mine\n{line}\n")
    with pytest.raises(BadInput) as error:
        read_secrets(path)
    assert str(error.value).startswith(f"{path}:2: ")
    assert words in str(error.value)
    assert "horse" not in str(error.value)


def test_a_secrets_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="can't be read as text"):
        read_secrets(path)
