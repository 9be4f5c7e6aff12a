"""Forges that are set up, and a GitHub that makes Apps, in memory."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.errors import Refused
from bot.domain.findings import Finding
from bot.domain.hosts import Host
from bot.domain.refs import ForgeName
from bot.ports.hosts import Order
from tests.fakes.forge import FakeForge


@dataclass
class FakeHosts:
    """`stored` gives what a reload finds."""

    forges: dict[ForgeName, FakeForge]
    stored: Callable[[], Sequence[Host]]
    fixed: frozenset[ForgeName] = frozenset()
    findings: Sequence[Finding] = ()
    """What every examination gives."""

    @property
    def app_pages(self) -> Sequence[str]:
        return [host.app_page for host in self.stored() if host.app_page]

    def examine(self, host: Host) -> Sequence[Finding]:
        del host
        return self.findings

    def reload(self) -> None:
        self.forges.update({ForgeName(host.name): FakeForge() for host in self.stored()})


@dataclass
class FakeAppMaking:
    now: Callable[[], datetime]
    usual: str = "https://github.example"
    orders: list[str] = field(default_factory=list)
    """The state of each."""
    codes: dict[str, str] = field(default_factory=dict)

    def order(
        self, url: str, organisation: str, name: str, *, ours: str, redirect: str, state: str, writes_files: bool
    ) -> Order:
        self.orders.append(state)
        manifest = {"name": name, "url": ours, "redirect_url": redirect, "writes_files": writes_files}
        whose = f"/organizations/{organisation}" if organisation else ""
        return Order(f"{url}{whose}/settings/apps/new?state={state}", json.dumps(manifest))

    def confirm(self) -> tuple[str, str]:
        """The person says yes to what was asked last: state and code."""
        code = f"code{len(self.codes)}"
        self.codes[code] = "unused"
        return self.orders[-1], code

    def convert(self, url: str, code: str) -> Host:
        if self.codes.pop(code, None) is None:
            raise Refused("GitHub doesn't know the code")
        return Host(
            name="github",
            url=url,
            webhook_secrets=("a webhook secret of the App",),
            app_id="7",
            private_key="a private key",
            client_id="client",
            client_secret="a client secret",
            app_page=f"{url}/apps/assay/installations/new",
        )

    def time_at(self, url: str) -> datetime:
        del url
        return self.now()
