"""Whether the networks of runs with internet are kept apart from the host and from private networks."""

import socket
import threading
from collections.abc import Mapping
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
KEEPER: Final = "assay.firewall"
"""The label of a container with the host's network that runs `assay firewall`, for workers that can't set rules."""


class Guard:
    def __init__(self, engine: Engine, firewall: Firewall, wish: Guarding = Guarding.AUTO) -> None:
        self._engine, self._firewall, self._wish = engine, firewall, wish
        self._holds = False
        """This process has set the rules."""
        self._was_kept = False
        """They were in force once; from then on no run goes without."""
        self._has_warned = False

    def exposure(self) -> str:
        """Why runs with internet are not kept apart; nothing when they are."""
        if self._wish is Guarding.NEVER:
            return "ASSAY_FIREWALL is false"
        if self._holds:
            return ""
        try:
            if words := self._hindrance() or self._elsewhere():
                if not self._is_kept_beside():
                    return words
            else:
                self._firewall.ensure()
                self._holds = True
        except SandboxUnavailable as error:
            return str(error)
        self._was_kept = True
        return ""

    def trouble(self) -> str:
        """Why no run may be taken."""
        words = self.exposure() if self._wish is Guarding.ALWAYS else ""
        return f"ASSAY_FIREWALL is true, but {words}" if words else ""

    def refusal(self) -> str:
        """Why there can't be rules here, as far as that is seen without trying."""
        if self._wish is Guarding.NEVER or not (words := self._hindrance()):
            return ""
        return "" if self._is_kept_beside() else words

    def _hindrance(self) -> str:
        """Why this process can set no rules itself."""
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
            if self._wish is Guarding.ALWAYS or self._was_kept:
                raise SandboxUnavailable(self.trouble() or words)
            if not self._has_warned and self._wish is Guarding.AUTO:
                log.warning("sandbox.open_network", why=words)
            self._has_warned = True
            return PLAIN
        if self._holds:
            self._firewall.ensure()
        return self._firewall.bridges

    def check(self, bridge: str) -> None:
        """Rules are good for nothing where the bridge is not.

        Raises:
            SandboxUnavailable.
        """
        if self._holds and bridge.startswith(self._firewall.bridges) and bridge not in _interfaces():
            raise SandboxUnavailable("the engine's networks are not on this machine: set ASSAY_FIREWALL=false")

    def kept(self, *, with_internet: bool) -> "_Keeping":
        """Keeps the rules in force meanwhile."""
        return _Keeping(self._firewall if with_internet and self._holds else None)

    def _is_kept_beside(self) -> bool:
        """By a container of the same engine that sees its networks and allows what we do."""
        wanted = {"label": KEEPER, "status": "running", "health": "healthy"}
        try:
            client = self._engine.client()
            found = [client.inspect_container(one["Id"]) for one in client.containers(filters=wanted)]
        except ENGINE_ERRORS as error:
            log.warning("sandbox.firewall_unknown", error=words_of(error))
            return False
        return any(one["HostConfig"]["NetworkMode"] == "host" and self._allows_the_same(one) for one in found)

    def _allows_the_same(self, container: Mapping[str, Any]) -> bool:
        variables = dict(one.partition("=")[::2] for one in container["Config"]["Env"] or ())
        allowed = [part.strip() for part in variables.get("ASSAY_FIREWALL_ALLOW", "").split(",")]
        return Firewall(filter(None, allowed)).bridges == self._firewall.bridges

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
