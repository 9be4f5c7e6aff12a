"""A service that runs tests for whoever asks, without a forge: order, live log, results, artifacts, notice."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from websockets.sync.client import connect

from bot.demo.forge.hooks import wait_until
from tests.faults.place import Place, place
from tests.githost import GitHost, serving
from tests.images import busybox
from tests.sims.web_service import WebService, web_service

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

SECRET: Final = f"whsec_{base64.b64encode(bytes(32)).decode()}"
SCOPES: Final = ("runs:read", "runs:write", "suites:write")
SCRIPT: Final = """echo begun
sleep 1
mkdir -p out && echo kept > out/a.txt
echo ended
"""
SUITE: Final = {"run": "sh test.sh", "artifacts": {"paths": ["out/**"]}, "timeout": "1m"}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    with serving(tmp_path / "served") as host:
        yield host


@pytest.fixture
def listener() -> Iterator[WebService]:
    with web_service() as service:
        yield service


@pytest.fixture
def here(tmp_path: Path, host: GitHost, listener: WebService) -> Iterator[Place]:
    with place(tmp_path) as one:
        one.serve.start(
            PLAIN_REPOSITORIES=f"{host.url}/team/*",
            CHANNEL_TEAM=f"webhook+{listener.url}/heard#{SECRET}",
            CHANNELS_LOCAL="true",
        )
        yield one


def client_of(here: Place) -> httpx.Client:
    """With a token that the operator made on the server."""
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    made = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-m", "bot", "admin", "token", "create", "robot", *scopes],
        env={**kept, "ASSAY_DATA_DIR": str(here.serve.data)},
        stdout=subprocess.PIPE,
        check=True,
    )
    token = made.stdout.decode().split()[-1]
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=here.serve.url, headers=headers, timeout=70, trust_env=False)


def live_log(here: Place, client: httpx.Client, run: str) -> bytes:
    """All of it, as it grows."""
    address = f"ws{here.serve.url.removeprefix('http')}/runs/{run}/logs?start=0"
    headers = {"Authorization": client.headers["Authorization"]}
    with connect(address, additional_headers=headers, proxy=None) as socket:
        return b"".join(piece.encode() if isinstance(piece, str) else piece for piece in socket)


def test_an_order_with_references_to_a_suite_and_an_environment_runs_to_its_end(
    here: Place, host: GitHost, listener: WebService
) -> None:
    sha = host.repository("team/thing").commit({"test.sh": SCRIPT.encode()})
    with client_of(here) as client:
        where = client.post("/environments", json={"name": "small", "environment": {"image": busybox()}}).json()
        notify = [{"channel": "team", "send": "all"}]
        what = client.post("/suites", json={"name": "whole", "suite": SUITE, "notify": notify}).json()
        order = {"repository": f"{host.url}/team/thing.git", "suite_id": what["id"], "environment_id": where["id"]}
        made = client.post("/runs", json=order, headers={"Idempotency-Key": "one"})
        assert made.status_code == 201, made.text
        (run,) = made.json()["runs"]
        assert (run["sha"], run["forge"]) == (sha, "git")

        log = live_log(here, client, run["id"])
        ended = client.get(f"/runs/{run['id']}?wait=30s").json()
        assert (ended["state"], ended["exit_code"]) == ("passed", 0), log
        assert log == client.get(f"/runs/{run['id']}/log").content
        assert log.split(b"\n")[:3] == [b"begun", b"ended", b""]
        (kept,) = client.get(f"/runs/{run['id']}/artifacts").json()["artifacts"]
        assert client.get(f"/runs/{run['id']}/artifacts/{kept['path']}").text == "kept\n"
        assert client.get("/queue").json()["length"] == 0

        wait_until(lambda: bool(listener.asked), 30, "the channel was told nothing")
        told = json.loads(listener.asked[0].body)
        assert told["data"]["build"] == made.json()["number"]
        assert httpx.get(f"{here.serve.url}/runs/{run['id']}", trust_env=False).status_code == 404
        elsewhere = client.post("/runs", json={**order, "repository": f"{host.url}/other/thing.git"})
        assert elsewhere.status_code == 422
    assert here.github.check_runs(here.repo, sha) == []
