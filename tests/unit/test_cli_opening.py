"""A channel whose setting makes no sense is one line for every command that opens the bot, without its secret."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from bot.cli.admin import admin
from bot.cli.approve import approve
from bot.cli.doctor import doctor
from bot.cli.flaky import flaky
from bot.cli.repo import repo
from bot.cli.secret import secret
from bot.cli.server import serve

COMMANDS = {
    "serve": (serve, []),
    "admin": (admin, ["token", "list"]),
    "approve": (approve, ["1"]),
    "flaky": (flaky, ["acme/web"]),
    "repo": (repo, ["list"]),
    "secret": (secret, ["list", "acme/web"]),
}


@pytest.fixture(autouse=True)
def wrong_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASSAY_CHANNEL_TEAM", "webhook+https://hooks.example.org/x#s3cret")
    for module in ("opening", "server", "doctor"):
        monkeypatch.setattr(f"bot.cli.{module}.configure_logs", lambda _: None)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_ends_with_one_line(name: str) -> None:
    command, arguments = COMMANDS[name]
    assert isinstance(command, click.Command)
    with capture_logs():
        result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert result.output == "assay: ASSAY_CHANNEL_TEAM: the secret of a webhook is whsec_ and base64\n"


def test_the_doctor_names_it_among_its_findings() -> None:
    with capture_logs():
        result = CliRunner().invoke(doctor, [])
    assert result.exit_code != 0
    assert "ASSAY_CHANNEL_TEAM: the secret of a webhook" in result.output
    assert "s3cret" not in result.output
