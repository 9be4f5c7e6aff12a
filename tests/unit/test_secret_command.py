"""`assay secret`: values come in without being seen and never come out."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.adapters.store_sql import SqlWork, open_engine, upgrade
from bot.adapters.vault_fernet import new_key
from bot.cli.secret import secret
from tests.contract.store_values import stored_repository

VALUE = "correct horse battery staple"


def _no_hints(task: object, *, delay: float = 0) -> None:
    raise AssertionError(f"nothing is to be done {delay} seconds later")


@pytest.fixture(autouse=True)
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("bot.cli.opening.configure_logs", lambda _: None)
    engine = open_engine(f"sqlite:///{tmp_path}/assay.db")
    upgrade(engine)
    with SqlWork(engine, _no_hints) as work:
        stored_repository(work)
    engine.dispose()


def assay(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(secret, words, input=stdin)


def test_a_value_comes_from_standard_input_and_is_never_shown() -> None:
    done = assay("set", "ada/engine", "TOKEN", stdin=f"{VALUE}\n")
    assert (done.exit_code, done.output) == (0, "set TOKEN of github:Ada/Engine\n")
    assert assay("set", "ada/engine", "TOKEN", stdin=VALUE).output == "replaced TOKEN of github:Ada/Engine\n"
    listed = assay("list", "github:ada/engine").output
    assert listed.startswith("TOKEN  set 2")
    assert VALUE not in listed


def test_a_value_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN KEY-----\nabc\n-----END KEY-----\n")
    assert assay("set", "ada/engine", "KEY", "--from-file", str(tmp_path / "key.pem")).exit_code == 0


def test_a_removed_one_is_gone() -> None:
    assay("set", "ada/engine", "TOKEN", stdin=VALUE)
    assert assay("remove", "ada/engine", "TOKEN").output == "removed TOKEN of github:Ada/Engine\n"
    assert assay("list", "ada/engine").output == ""
    assert assay("remove", "ada/engine", "TOKEN").exit_code == 4


@pytest.mark.parametrize(
    ("repository", "name", "value", "words"),
    [
        ("ada/other", "TOKEN", VALUE, "ada/other has not been seen yet"),
        ("ada/engine", "token", VALUE, "capital letters"),
        ("ada/engine", "TOKEN", "true\n", "less than 8 characters"),
        ("ada/engine", "TOKEN", "", "less than 8 characters"),
    ],
)
def test_what_is_refused_is_said_in_one_line(repository: str, name: str, value: str, words: str) -> None:
    done = assay("set", repository, name, stdin=value)
    assert done.exit_code == 4
    assert done.stderr.startswith("assay: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe" * 20)
    assert "not valid text" in assay("set", "ada/engine", "KEY", "--from-file", str(tmp_path / "binary")).stderr


def test_the_key_made_on_the_first_start_can_be_rotated_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assay("set", "ada/engine", "TOKEN", stdin=VALUE)
    first, second = (tmp_path / "secret.key").read_text().strip(), new_key()
    monkeypatch.setenv("ASSAY_SECRET_KEY", f"{second},{first}")
    assert assay("rotate").output == "encrypted 1 secrets with the first key\n"
    monkeypatch.setenv("ASSAY_SECRET_KEY", second)
    assert assay("rotate").exit_code == 0


def test_a_lost_key_is_told_with_the_secret_that_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    assay("set", "ada/engine", "TOKEN", stdin=VALUE)
    monkeypatch.setenv("ASSAY_SECRET_KEY", new_key())
    done = assay("rotate")
    assert done.exit_code == 4
    assert "no key opens TOKEN" in done.stderr


def test_a_key_of_another_form_is_refused_before_anything_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_SECRET_KEY", "correct horse")
    done = assay("list", "ada/engine")
    assert done.exit_code == 4
    assert "ASSAY_SECRET_KEY: key 1 is not base64" in done.stderr
