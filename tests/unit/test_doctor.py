"""`assay doctor` tells what is not in order, and what to do about it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.vault_fernet import FernetVault, new_key
from bot.app import examining, own_channels, registering
from bot.domain.errors import ForgeUnavailable, SandboxUnavailable, StoreBusy
from bot.domain.findings import Finding
from bot.domain.suites import Network
from bot.ports.webhooks import Sent
from tests.fakes.channel import FakeChannel
from tests.fakes.forge import HELLO
from tests.walks import GITHUB, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def bad(world: World) -> list[str]:
    """But the clock of a world stands still at another time than the database's."""
    return [one.text for one in examining.examine(world.app) if not one.ok and one.check != "clock"]


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
    repository = registering.add(world.app, HELLO.path, actor="ada").repository
    channels = replace(world.app, open_channel=lambda _: FakeChannel())
    own_channels.put(channels, repository, "team", "json://hooks.example.org", actor="ada")
    world.app = replace(world.app, vault=FernetVault([new_key()]))

    assert bad(world) == ["2 of 2 secrets can't be decrypted with ASSAY_SECRET_KEY"]


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


def texts(world: World, *checks: str) -> list[str]:
    return [one.text for one in examining.examine(world.app, checks)]


@pytest.mark.parametrize(
    ("ahead", "ok", "text"),
    [
        (0.2, True, "this machine's clock is within 1 s of that of github"),
        (-29.5, True, "this machine's clock is within 30 s of that of github"),
        (300.0, False, "this machine's clock is 300 s behind that of github; more than 30 are wrong"),
        (-7200.0, False, "this machine's clock is 7200 s before that of github; more than 30 are wrong"),
    ],
)
def test_how_far_the_clock_is_from_the_forges_is_told(world: World, ahead: float, ok: bool, text: str) -> None:
    world.forge.ahead = ahead

    assert [(one.ok, one.text) for one in examining.examine(world.app, ["clock"])] == [(ok, text)]


def test_a_forge_that_told_no_time_is_not_compared(world: World) -> None:
    assert texts(world, "clock") == []


def test_a_clock_that_is_not_the_databases_is_told(world: World) -> None:
    """The world's time is not that of the machine on which the tests run."""
    (of_database, of_clock) = examining.examine(world.app, ["database"])

    assert of_database.ok
    assert (of_clock.ok, of_clock.check) == (False, "clock")
    assert "that of the database" in of_clock.text


def sent(world: World, *, arrived: bool, answer: str = "") -> None:
    world.webhooks.app = True
    at = world.app.now() - timedelta(minutes=3)
    world.webhooks.attempts.append(Sent(id=1, key="d-1", at=at, arrived=arrived, answer=answer))


def test_a_delivery_that_did_not_arrive_is_told_with_the_forges_words(world: World) -> None:
    sent(world, arrived=False, answer="timed out")

    (found,) = examining.examine(world.app, ["deliveries"])

    assert not found.ok
    assert found.text == (
        "https://ci.example.org/webhooks/github is not reached from github: "
        'the last delivery failed with "timed out", 3m 00s ago'
    )
    assert "ASSAY_GITHUB_DELIVERY=poll" in found.help


def test_only_the_newest_delivery_counts(world: World) -> None:
    sent(world, arrived=False, answer="timed out")
    sent(world, arrived=True, answer="OK")

    assert texts(world, "deliveries") == ["the last delivery of github arrived 3m 00s ago"]


def test_a_forge_that_never_called_is_no_fault(world: World) -> None:
    world.webhooks.app = True

    (found,) = examining.examine(world.app, ["deliveries"])

    assert found.ok
    assert "has not called" in found.text


def test_where_we_ask_the_forge_nobody_need_reach_us(world: World) -> None:
    sent(world, arrived=False)
    world.app = replace(world.app, polled=frozenset({GITHUB}))

    assert texts(world, "deliveries") == []


def test_the_last_delivery_of_a_repositorys_webhook_is_looked_at(world: World) -> None:
    registering.add(world.app, HELLO.path, actor="ada")
    at = world.app.now() - timedelta(minutes=3)
    world.webhooks.attempts.append(Sent(id=1, key="d-1", at=at, arrived=False, answer="500"))

    assert bad(world) == ['webhook of github:acme/hello: its last delivery failed with "500", 3m 00s ago']


def test_an_address_that_does_not_answer_from_here_is_told_as_that(world: World) -> None:
    world.app = replace(world.app, hindrance=lambda url: f"{url} has no address")

    assert texts(world, "url") == [
        "https://ci.example.org is not reached from this machine: https://ci.example.org has no address"
    ]


def test_an_engine_that_starts_no_containers_is_told_with_its_words(world: World) -> None:
    def fails(network: Network) -> float:
        raise SandboxUnavailable(f"no cgroup for {network}")

    world.sandbox.probe = fails  # type: ignore[method-assign]  # what this engine does

    assert bad(world) == ["the Docker engine starts no containers: no cgroup for internet"]


def test_what_could_be_better_of_an_engine_is_told_and_not_wrong(world: World) -> None:
    world.sandbox.advised = [Finding(ok=True, text="suites are started again", help="live-restore")]

    assert "suites are started again" in texts(world, "engine")
    assert bad(world) == []


def test_a_process_without_an_engine_is_not_asked_for_one(world: World) -> None:
    world.sandbox.trouble = "the Docker engine does not answer"
    world.app = replace(world.app, offer=None)

    assert bad(world) == []


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
    assert {"ok", "text", "help", "check"} == findings[0].keys()
    assert all(one["check"] for one in findings)


def test_settings_that_are_not_valid_are_findings_too(tmp_path: Path) -> None:
    done = run(tmp_path, WORKERS="many")

    assert done.returncode == 2
    assert "✗ ASSAY_WORKERS" in done.stdout


def test_a_machine_that_runs_no_suites_needs_a_redis_and_no_engine(tmp_path: Path) -> None:
    done = run(tmp_path, "--no-workers")

    assert "✗ processes of their own need a Redis" in done.stdout
    assert "Docker" not in done.stdout
    assert "GiB are free at" in done.stdout


def test_the_database_has_this_machines_clock(tmp_path: Path) -> None:
    assert "✓ this machine's clock is within 1 s of that of the database" in run(tmp_path).stdout
