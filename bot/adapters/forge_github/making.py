"""An App of our own, made by GitHub from a manifest (FORGES §1.12). `app.yml` is the same manifest for reading."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from bot.adapters.forge_github.answers import json_of
from bot.adapters.forge_github.api import api_url
from bot.adapters.forge_github.client import Client, Request, http_client
from bot.adapters.forge_github.standing import NEEDED
from bot.adapters.forge_github.translation import SUBSCRIBED
from bot.domain.errors import BadInput, Gone, Refused
from bot.domain.hosts import Host
from bot.domain.refs import ForgeName
from bot.foreign.clock import ServerClock
from bot.foreign.fields import MAX_LOGIN, MAX_MESSAGE, MAX_URL, Fields, understood
from bot.ports.hosts import Order
from bot.ports.telemetry import NO_TRACES, Telemetry

NAME: Final = ForgeName("github")
DESCRIPTION: Final = "Runs the suites of a repository in Docker and reports them as checks."
_VERSION: Final = "2022-11-28"
_CODE: Final = re.compile(r"[0-9A-Za-z_-]{1,200}", re.ASCII)


def manifest(name: str, ours: str, *, writes_files: bool = False) -> dict[str, Any]:
    """What our App is, may do and is told of."""
    more = {"contents": "write"} if writes_files else {}
    return {
        "name": name,
        "description": DESCRIPTION,
        "url": ours,
        "hook_attributes": {"url": f"{ours}/webhooks/{NAME}", "active": True},
        "callback_urls": [f"{ours}/sign-in/{NAME}/done"],
        "public": False,
        "default_permissions": {**NEEDED, **more},
        "default_events": sorted(SUBSCRIBED),
    }


class GitHubAppMaking:
    def __init__(
        self, usual: str, telemetry: Telemetry, monotonic: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self.usual = usual
        self._telemetry, self._monotonic, self._now = telemetry, monotonic, now

    def order(
        self, url: str, organisation: str, name: str, *, ours: str, redirect: str, state: str, writes_files: bool
    ) -> Order:
        whose = f"/organizations/{quote(organisation, safe='')}" if organisation else ""
        asked = manifest(name, ours, writes_files=writes_files)
        action = f"{url}{whose}/settings/apps/new?{urlencode({'state': state})}"
        return Order(action, json.dumps({**asked, "redirect_url": redirect}))

    def convert(self, url: str, code: str) -> Host:
        if not _CODE.fullmatch(code):
            raise BadInput("that is no code of GitHub's")
        request = Request(method="POST", path="/app-manifests/{code}/conversions", names={"code": code}, once=True)
        with http_client() as http:
            client = self._client(url, http)
            try:
                data, _ = json_of(client.send(request, ""), client.clock.now(), once=True)
            except Gone as error:
                raise Refused("GitHub doesn't know the code: it was used already or is an hour old") from error
        facts = Fields(data)
        return understood(lambda: _host(url, facts))

    def time_at(self, url: str) -> datetime:
        with http_client() as http:
            client = self._client(url, http)
            client.send(Request(method="GET", path="/rate_limit", names={}), "")
            return client.clock.now()

    def _client(self, url: str, http: httpx.Client) -> Client:
        return Client(
            NAME,
            api_url(url),
            http=http,
            clock=ServerClock(NAME, self._now),
            telemetry=self._telemetry,
            traces=NO_TRACES,
            monotonic=self._monotonic,
            api_version=_VERSION,
        )


def _host(url: str, facts: Fields) -> Host:
    """Raises: Incomplete. Refused: an App that nobody could verify webhooks of."""
    secret = facts.text("webhook_secret", MAX_URL)
    if not secret:
        raise Refused("the App has no webhook secret: set one in its settings at GitHub, and enter the App by hand")
    page = facts.text("html_url", MAX_URL)
    return Host(
        name=NAME,
        url=url,
        webhook_secrets=(secret,),
        app_id=str(facts.number("id")),
        private_key=facts.word("pem", MAX_MESSAGE),
        client_id=facts.word("client_id", MAX_LOGIN),
        client_secret=facts.word("client_secret", MAX_URL),
        app_page=f"{page}/installations/new" if page.startswith(f"{url}/") else "",
    )
