"""What the files of deploy/ describe starts, and does the main job: compose.production.yml and the systemd units."""

import base64
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.hooks import wait_until
from tests import servers
from tests.demoforge import pretend_github
from tests.e2e.deployed import (
    DEPLOY,
    Described,
    answers,
    check_of,
    check_of_image,
    command_of,
    compose,
    entry,
    redis_of,
    run,
    s3_of,
    unit,
)
from tests.faults.engine import watched
from tests.faults.place import suite_file
from tests.images import DOCKER_HOST, busybox
from tests.ports import free_port

pytestmark = [pytest.mark.docker, pytest.mark.postgres, pytest.mark.redis, pytest.mark.timeout(240)]

PASSED: Final = {"assay": "success", "assay / unit": "success"}
UNITS: Final = sorted(path.stem for path in (DEPLOY / "systemd").glob("*.service"))


@dataclass
class Ground:
    """A forge that calls the web process, and a folder for everything."""

    folder: Path
    github: PretendGitHub
    port: int
    stack: ExitStack

    def start(self, one: Described) -> Described:
        self.stack.callback(one.kill)
        return one.start()

    @property
    def operators(self) -> dict[str, str]:
        """What deploy/assay.env holds."""
        key = self.folder / "github.pem"
        key.write_text(self.github.private_key)
        return {
            "ASSAY_URL": f"http://127.0.0.1:{self.port}",
            "ASSAY_GITHUB_URL": self.github.url,
            "ASSAY_GITHUB_APP_ID": str(self.github.app.id),
            "ASSAY_GITHUB_PRIVATE_KEY_FILE": str(key),
            "ASSAY_GITHUB_WEBHOOK_SECRET": self.github.app.webhook_secret,
            "ASSAY_NETWORK_DEFAULT": "none",
            "ASSAY_DISK_RESERVE": "1MiB",
            "DOCKER_HOST": DOCKER_HOST,
        }

    def data(self, name: str) -> Path:
        """A data folder whose containers go with the test."""
        folder, instance = self.folder / name, f"deployed-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o711)
        (folder / "instance").write_text(instance)
        engine = self.stack.enter_context(watched(instance))
        self.stack.callback(engine.clear)
        return folder

    def assert_a_push_becomes_green(self) -> None:
        repo = self.github.add_repository("acme/web", {".assay.yml": suite_file(busybox())})
        sha = self.github.commit(repo, "main", {"test.sh": "echo all is well\n"})

        def conclusions() -> dict[str, str | None]:
            return {check.name: check.conclusion for check in self.github.check_runs(repo, sha)}

        wait_until(lambda: conclusions() == PASSED, 90, "the checks did not become green")


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    port = free_port()
    with pretend_github(f"http://127.0.0.1:{port}/webhooks/github") as github, ExitStack() as stack:
        yield Ground(tmp_path, github, port, stack)


def _key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@dataclass
class Composed:
    """The services of the compose file, at ports of loopback."""

    ground: Ground
    services: dict[str, Any]
    places: dict[str, str]
    """What stands in their settings, and what stands for it here."""

    def here(self, text: str) -> str:
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text

    def assay(self, name: str, service: str, check: list[str], **others: str) -> Described:
        told = {key: self.here(value) for key, value in self.services[service]["environment"].items()}
        command = [entry(), *self.services[service]["command"]]
        return Described(name, command, {**self.ground.operators, **told, **others}, check, self.ground.folder)

    def worker(self, name: str) -> Described:
        """Each has a loopback of its own in its container, and here a port of its own."""
        place = f"127.0.0.1:{free_port()}"
        check = [word.replace("127.0.0.1:9464", place) for word in check_of(self.services["worker"])]
        told = self.services["worker"]["environment"]["ASSAY_WORKER_METRICS"]
        return self.assay(name, "worker", check, ASSAY_WORKER_METRICS=told.replace("0.0.0.0:9464", place))


@pytest.fixture
def composed(ground: Ground, postgres_server: servers.Postgres) -> Composed:
    """With PostgreSQL, Redis and the storage up and healthy."""
    secret = {"POSTGRES_PASSWORD": "abc", "S3_SECRET": "def", "ASSAY_SECRET_KEY": _key(), "DOCKER_GID": "0"}
    services = compose({**secret, "ASSAY_DATA_DIR": str(ground.data("data"))})
    redis, s3 = free_port(), free_port()
    places = {
        "redis:6379": f"127.0.0.1:{redis}",
        "@postgres/": f"@127.0.0.1:{postgres_server.port}/",
        "s3:8333": f"127.0.0.1:{s3}",
        "127.0.0.1:8333": f"127.0.0.1:{s3}",
        "0.0.0.0:8000": f"127.0.0.1:{ground.port}",
        "/tmp/assay": str(ground.folder / "web"),
    }
    one = Composed(ground, services, places)
    database = services["postgres"]["environment"]["POSTGRES_DB"]
    postgres_server.create(database, "made")
    ground.stack.callback(postgres_server.drop, database)
    local = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(postgres_server.port)}
    assert run(check_of(services["postgres"]), local)[0] == 0
    ground.start(redis_of(services["redis"], ground.folder, redis)).wait_healthy()
    ground.start(s3_of(services["s3"], ground.folder, s3))
    wait_until(lambda: answers(one.here(check_of(services["s3"])[-1])), 60, "the storage does not become healthy")
    return one


def test_the_compose_file_of_many_processes_is_true(composed: Composed) -> None:
    assert set(composed.services) == {"web", "worker", "firewall", "postgres", "redis", "s3"}
    web = composed.assay("web", "web", check_of_image())
    processes = [composed.worker("north"), composed.worker("south"), web]
    for one in processes:
        composed.ground.start(one)
    for one in processes:
        one.wait_healthy()
    composed.ground.assert_a_push_becomes_green()
    _, said = run([entry(), "doctor"], web.environment)
    assert "✓ the storage keeps what is stored" in said, said
    assert "✓ hints go through the queue" in said, said
    assert "set Redis" not in said, "it has the settings that are asked for"
    assert [one.stop() for one in processes] == [0, 0, 0], "they end in good order"


def test_the_units_for_web_and_worker_are_true(
    ground: Ground, postgres_url: str, redis_url: str, s3_server: servers.S3
) -> None:
    shared = {
        "ASSAY_DATABASE_URL": postgres_url,
        "ASSAY_REDIS_URL": redis_url,
        "ASSAY_STORAGE_URL": s3_server.url,
        "ASSAY_SECRET_KEY": _key(),
        "ASSAY_LISTEN": f"127.0.0.1:{ground.port}",
        "ASSAY_WORKER_METRICS": f"127.0.0.1:{free_port()}",
    }
    processes = []
    for name in ("assay-web", "assay-worker"):
        section = unit(name)
        assert section["EnvironmentFile"] == "/etc/assay/assay.env"
        variable, _, folder = section["Environment"].partition("=")
        assert folder == "/var/lib/assay"
        told = {**ground.operators, **shared, variable: str(ground.data(name))}
        processes.append(ground.start(Described(name, command_of(section), told, folder=ground.folder)))
    ground.assert_a_push_becomes_green()
    assert answers(f"http://{shared['ASSAY_WORKER_METRICS']}/healthz")
    assert [one.stop() for one in processes] == [0, 0], "they end in good order"


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_waits_longer_for_its_end_than_suites_may_take(name: str) -> None:
    section = unit(name)
    assert int(section["TimeoutStopSec"]) > (600 if name != "assay-web" else 30)
    assert section["KillMode"] == "mixed", "a worker's supervisor ends its child itself"


@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_a_unit_where_there_is_one(name: str, tmp_path: Path) -> None:
    """Everywhere else it is read by ourselves alone."""
    text = (DEPLOY / "systemd" / f"{name}.service").read_text(encoding="utf-8")
    copied = tmp_path / f"{name}.service"
    copied.write_text(text.replace("/opt/assay/bin/assay", entry()))
    verify = shutil.which("systemd-analyze")
    status, said = run([verify, "verify", str(copied)], os.environ) if verify else (0, "")
    assert (status, name in said) == (0, False), said
    assert unit(name)["ExecStart"].startswith("/opt/assay/bin/assay ")
