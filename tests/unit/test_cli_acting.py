"""What the audit calls whoever gives a command on the server."""

import getpass
import os

import pytest

from bot.cli.acting import actor


def test_it_is_the_name_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    assert actor() == "command line: ada"


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 65532"), OSError("No username set")])
def test_a_user_without_a_name_is_called_by_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert actor() == f"command line: user {os.getuid()}"
