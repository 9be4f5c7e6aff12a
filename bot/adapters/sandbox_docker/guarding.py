"""Whether the networks of runs with internet are kept apart from the host and from private networks."""

import socket
import threading
from typing import Any, Final, Self

import structlog

from bot.adapters.sandbox_docker.engine import ENGINE_ERRORS, Engine, words_of
from bot.adapters.sandbox_docker.firewall import Firewall
from bot.domain.errors import SandboxUnavailable
from bot.domain.suites import Guarding

log = structlog.get_logger()

PLAIN: Final = "asy-"
"""How the names of bridges begin for which there are no rules."""
_AGAIN: Final = 10.0
"""Seconds after which rules that somebody else has removed are set again, while a run goes on."""
_NAME: Final = "com.docker.network.bridge.name"


class Guard:
    def __init__(self, engine: Engine, firewall: Firewall, wish: Guarding = Guarding.AUTO) -> None:
        self._engine, self._firewall, self._wish = engine, firewall, wish
        self._holds = False
        """The rules were set once; from then on no run goes without."""
        self._has_warned = False

    def exposure(self) -> str:
        """Why runs with internet are not kept apart; nothing when they are."""
        if self._wish is Guarding.NEVER:
            return "ASSAY_FIREWALL is false"
        if self._holds:
            return ""
        try:
            if words := self.refusal() or self._elsewhere():
                return words
            self._firewall.ensure()
        except SandboxUnavailable as error:
            return str(error)
        self._holds = True
        return ""

    def trouble(self) -> str:
        """Why no run may be taken."""
        words = self.exposure() if self._wish is Guarding.ALWAYS else ""
        return f"ASSAY_FIREWALL is true, but {words}" if words else ""

    def refusal(self) -> str:
        """Why there can never be rules here, as far as that is seen without the engine."""
        if self._wish is Guarding.NEVER:
            return ""
        if not self._engine.host.startswith("unix://"):
            return "the Docker engine is on another machine"
        words = self._firewall.trouble()
        return f"the firewall can't be set: {words}" if words else ""

    def bridges(self) -> str:
        """How the name of the bridge of a run with internet has to begin; what is for it is in force.

        Raises:
            SandboxUnavailable: it must not go without rules, and they can't be set.
        """
        if words := self.exposure():
            if self._wish is Guarding.ALWAYS:
                raise SandboxUnavailable(self.trouble())
            if not self._has_warned and self._wish is Guarding.AUTO:
                log.warning("sandbox.open_network", why=words)
            self._has_warned = True
            return PLAIN
        self._firewall.ensure()
        return self._firewall.bridges

    def check(self, bridge: str) -> None:
        """Rules are good for nothing where the bridge is not.

        Raises:
            SandboxUnavailable.
        """
        if bridge.startswith(self._firewall.bridges) and bridge not in _interfaces():
            raise SandboxUnavailable("the engine's networks are not on this machine: set ASSAY_FIREWALL=false")

    def kept(self, *, with_internet: bool) -> "_Keeping":
        """Keeps the rules in force meanwhile."""
        return _Keeping(self._firewall if with_internet and self._holds else None)

    def _elsewhere(self) -> str:
        """Docker Desktop and rootless engines have their networks elsewhere, and so has whoever is in a container."""
        try:
            networks: list[dict[str, Any]] = self._engine.client().networks(filters={"driver": "bridge"})
        except ENGINE_ERRORS as error:
            return f"the Docker engine does not answer: {words_of(error)}"
        bridges = {(one.get("Options") or {}).get(_NAME) or f"br-{one['Id'][:12]}" for one in networks}
        here = not bridges or bridges & _interfaces()
        return "" if here else "the Docker engine has its networks elsewhere than this process"


class _Keeping(threading.Thread):
    def __init__(self, firewall: Firewall | None) -> None:
        super().__init__(name="sandbox-firewall", daemon=True)
        self._firewall = firewall
        self._closed = threading.Event()

    def run(self) -> None:
        while self._firewall and not self._closed.wait(_AGAIN):
            try:
                self._firewall.ensure()
            except SandboxUnavailable as error:
                log.warning("sandbox.firewall_lost", error=str(error))

    def __enter__(self) -> Self:
        if self._firewall:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()


def _interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex()}
