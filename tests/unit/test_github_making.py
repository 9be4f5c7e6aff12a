"""An App is made from a manifest at a GitHub that keeps to the documented steps (FORGES §1.12)."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml

from bot.adapters.forge_github import GitHubAppMaking, GitHubForge
from bot.adapters.forge_github.making import manifest
from bot.adapters.telemetry_prometheus import PrometheusTelemetry
from bot.demo.forge.github import PretendGitHub
from bot.domain.errors import BadInput, ForgeUnavailable, Refused
from bot.domain.hosts import Host
from bot.domain.refs import ForgeName
from bot.ports.hosts import Order
from tests.demoforge import pretend_github
from tests.house.tree import ROOT

OURS: Final = "http://localhost:8000"
BACK: Final = f"{OURS}/setup/github/done"


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


@pytest.fixture
def github() -> Iterator[PretendGitHub]:
    with pretend_github() as forge:
        yield forge


@pytest.fixture
def making(github: PretendGitHub) -> GitHubAppMaking:
    return GitHubAppMaking(github.url, PrometheusTelemetry(), time.monotonic, now)


def ordered(making: GitHubAppMaking, github: PretendGitHub, organisation: str = "") -> Order:
    return making.order(
        github.url, organisation, "Assay of Ana", ours=OURS, redirect=BACK, state="a state", writes_files=False
    )


def confirmed(order: Order, github: PretendGitHub) -> dict[str, str]:
    """What the browser comes back with after the person has said yes."""
    with httpx.Client(trust_env=False) as browser:
        page = browser.post(order.action, data={"manifest": order.manifest})
        number = re.search(r'name="number" value="(\w+)"', page.text)
        assert number
        form = {"number": number[1], "name": "Assay of Ana"}
        answer = browser.post(f"{github.url}/settings/apps/confirm", data=form)
    back = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{BACK}?")
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def test_we_can_speak_as_the_app_that_github_makes(making: GitHubAppMaking, github: PretendGitHub) -> None:
    back = confirmed(ordered(making, github), github)
    assert back["state"] == "a state"
    host = making.convert(github.url, back["code"])
    assert host.app_id == str(github.app.id)
    assert host.webhook_secrets == (github.app.webhook_secret,)
    assert host.app_page == f"{github.url}/apps/assay-of-ana/installations/new"
    assert github.app.webhook_url == f"{OURS}/webhooks/github"
    with closing(forge_of(host)) as forge:
        assert [one.ok for one in forge.examine()] == [True]


def forge_of(host: Host) -> GitHubForge:
    return GitHubForge(
        ForgeName("github"),
        url=host.url,
        app_id=host.app_id,
        private_key=host.private_key,
        secrets=host.webhook_secrets,
        telemetry=PrometheusTelemetry(),
        monotonic=time.monotonic,
        now=now,
    )


def test_an_organization_has_a_page_of_its_own(making: GitHubAppMaking, github: PretendGitHub) -> None:
    order = ordered(making, github, "acme")
    assert order.action == f"{github.url}/organizations/acme/settings/apps/new?state=a+state"
    assert confirmed(order, github)["code"]


def test_a_code_works_once(making: GitHubAppMaking, github: PretendGitHub) -> None:
    code = confirmed(ordered(making, github), github)["code"]
    making.convert(github.url, code)
    with pytest.raises(Refused, match="used already"):
        making.convert(github.url, code)


@pytest.mark.parametrize("code", ["", "../app", "a/b", "x" * 300, "é", "a b", "{code}"])
def test_what_can_be_no_code_is_not_sent(making: GitHubAppMaking, github: PretendGitHub, code: str) -> None:
    with pytest.raises(BadInput):
        making.convert(github.url, code)
    assert not github.requests("app-manifests")


FACTS: Final[dict[str, Any]] = {
    "id": 7,
    "client_id": "Iv1",
    "client_secret": "s",
    "webhook_secret": "a webhook secret",
    "pem": "key",
    "html_url": "https://evil.example/apps/x",
}


@pytest.mark.parametrize("name", sorted(FACTS.keys() - {"html_url"}))
@pytest.mark.parametrize("value", [None, [], "", -1])
def test_an_answer_without_something_that_is_needed_is_refused(
    making: GitHubAppMaking, github: PretendGitHub, name: str, value: object
) -> None:
    body = json.dumps({**FACTS, name: value}).encode()
    github.fail_next("conversions", how=201, body=body, headers={"content-type": "application/json"})
    with pytest.raises((Refused, ForgeUnavailable)):
        making.convert(github.url, "code")


def test_people_are_sent_to_no_other_site_to_install_it(making: GitHubAppMaking, github: PretendGitHub) -> None:
    headers = {"content-type": "application/json"}
    github.fail_next("conversions", how=201, body=json.dumps(FACTS).encode(), headers=headers)
    assert making.convert(github.url, "code").app_page == ""


def test_a_github_that_does_not_answer_is_told_apart(making: GitHubAppMaking, github: PretendGitHub) -> None:
    github.fail_next("conversions", how="reset")
    with pytest.raises(ForgeUnavailable):
        making.convert(github.url, "code")
    assert abs((making.time_at(github.url) - now()).total_seconds()) < 60


def test_the_manifest_is_the_one_of_app_yml() -> None:
    written = yaml.safe_load((ROOT / "app.yml").read_text(encoding="utf-8"))
    assert manifest("Assay", "https://ci.example.org") == written
