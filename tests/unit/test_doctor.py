"""`assay doctor` tells what is not in order, and what to do about it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.vault_fernet import FernetVault, new_key
from bot.app import examining, registering
from bot.domain.errors import ForgeUnavailable, StoreBusy
from bot.domain.suites import Network
from bot.ports.forge import Finding
from tests.fakes.forge import HELLO
from tests.walks import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def bad(world: World) -> list[str]:
    return [one.text for one in examining.examine(world.app) if not one.ok]


def test_where_all_is_well_nothing_is_wrong(world: World) -> None:
    registering.add(world.app, HELLO.path, actor="ada")

    assert bad(world) == []


def test_what_the_forge_says_of_our_rights_is_told(world: World) -> None:
    world.forge.findings = [Finding(ok=False, text="the token lacks the scope repo", help="make a new one")]

    assert bad(world) == ["the token lacks the scope repo"]


def test_trouble_with_one_thing_hides_no_other(world: World) -> None:
    def busy() -> None:
        raise StoreBusy("locked")

    world.sandbox.trouble = "the Docker engine does not answer"
    world.forge.trouble["examine"] = [ForgeUnavailable("no answer")]
    world.app = replace(world.app, work=busy)  # type: ignore[arg-type]  # it is never entered

    assert bad(world) == [
        "database: locked",
        "the Docker engine does not answer",
        "keys: locked",
        "github: no answer",
        "webhooks: locked",
    ]


def test_a_webhook_that_the_forge_does_not_send_to_is_told(world: World) -> None:
    registering.add(world.app, HELLO.path, actor="ada")
    world.webhooks.said = "the webhook is switched off"

    assert bad(world) == ["webhook of github:acme/hello: the webhook is switched off"]


def test_secrets_that_no_key_opens_are_told(world: World) -> None:
    registering.add(world.app, HELLO.path, actor="ada")
    world.app = replace(world.app, vault=FernetVault([new_key()]))

    assert bad(world) == ["1 of 1 secrets can't be decrypted with ASSAY_SECRET_KEY"]


def test_a_network_that_is_not_closed_is_told_with_its_reason(world: World) -> None:
    world.sandbox.exposed = "it needs a worker that is root"

    assert bad(world) == [
        "suites with the internet reach this machine and private networks too: it needs a worker that is root"
    ]


def test_a_network_that_nobody_gets_need_not_be_closed(world: World) -> None:
    world.sandbox.exposed = "it needs a worker that is root"
    world.app = replace(world.app, rules=replace(world.app.rules, network_trusted=Network.NONE))

    assert bad(world) == []


def test_without_a_forge_there_is_nothing_to_serve(world: World) -> None:
    world.app = replace(world.app, forges={})

    assert bad(world) == ["no forge is set up"]


def run(tmp_path: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, where no engine answers."""
    usual = {"DATA_DIR": str(tmp_path / "data"), "GITHUB_URL": "http://127.0.0.1:9", **settings}
    env = {f"ASSAY_{name}": value for name, value in usual.items()}
    env |= {"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock", "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "bot", "doctor", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=50)  # noqa: S603  # ours


def test_the_command_ends_with_1_and_says_why(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 1
    assert "✓ the database answers" in done.stdout
    assert "✗ the Docker engine does not answer" in done.stdout
    assert "help: open the link of `assay admin setup-link`" in done.stdout


def test_programs_get_json(tmp_path: Path) -> None:
    done = run(tmp_path, "--json")

    findings = json.loads(done.stdout)
    assert findings[0]["ok"]
    assert {"ok", "text", "help"} == findings[0].keys()


def test_settings_that_are_not_valid_are_findings_too(tmp_path: Path) -> None:
    done = run(tmp_path, WORKERS="many")

    assert done.returncode == 2
    assert "✗ ASSAY_WORKERS" in done.stdout
