"""Is this installation in order: one check after the other, each with what to do about it (PRODUCT §2.10)."""

import io
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from bot.app import registering
from bot.app.context import App
from bot.app.registering import Registered
from bot.domain.errors import BotError, ForgeUnavailable, NotAllowed, Refused, SandboxUnavailable, StoreBusy
from bot.domain.findings import Finding
from bot.domain.hosts import LOOPBACK
from bot.domain.refs import ForgeName
from bot.domain.suites import Network
from bot.domain.texts import duration
from bot.ports.forge import Forge
from bot.ports.webhooks import Sent, Webhooks

_PROBE: Final = b"a probe of assay doctor"
_SOME: Final = 20
_OF_ENGINE: Final = frozenset({"engine", "network"})
CLOCK_LIMIT: Final = 30.0
"""Seconds that two clocks may be apart: GitHub refuses what is signed a minute off, leases are the database's."""
_HELP: Final[dict[type[BotError], str]] = {
    ForgeUnavailable: "let this machine call the forge: look at DNS, firewall, proxy, and whether the forge works",
    StoreBusy: "look at the database: is it there, does it take writes, is its disk full",
    NotAllowed: "give us that right at the forge",
}
OPEN_NETWORK_HELP: Final = (
    "let the worker set rules of iptables (docs/security.md), or set ASSAY_NETWORK_MAX=none; ASSAY_FIREWALL=true "
    "starts no suite without them"
)

Check = Callable[[App], Iterator[Finding]]


def examine(app: App, names: Collection[str] | None = None) -> Sequence[Finding]:
    """All checks or the named ones; what makes one of them stumble is its finding.

    The engine is left out in a process that has none.
    """
    known = CHECKS.keys() - (_OF_ENGINE if app.offer is None else ())
    chosen = {name: check for name, check in CHECKS.items() if name in known and (names is None or name in names)}
    return [
        finding if finding.check else replace(finding, check=name)
        for name, check in chosen.items()
        for finding in _tried(name, check, app)
    ]


def _tried(name: str, check: Check, app: App) -> list[Finding]:
    try:
        return list(check(app))
    except BotError as error:
        help_ = next((words for kind, words in _HELP.items() if isinstance(error, kind)), "")
        return [Finding(ok=False, text=f"{name}: {error}", help=help_)]


def _url(app: App) -> Iterator[Finding]:
    if urlsplit(app.url).hostname in LOOPBACK:
        text = f"this server is at {app.url}, where only this machine reaches it: for trying out"
        help_ = "for a forge elsewhere set ASSAY_URL to an https address, or ASSAY_GITHUB_DELIVERY=poll without one"
        yield Finding(ok=True, text=text, help="" if app.polled else help_)
    elif words := app.hindrance(app.url):
        help_ = "people and forges use that address: look at its DNS, proxy and firewall, and whether the server runs"
        yield Finding(ok=False, text=f"{app.url} is not reached from this machine: {words}", help=help_)
    else:
        yield Finding(ok=True, text=f"people and forges reach this server at {app.url}; from this machine it answers")


def _database(app: App) -> Iterator[Finding]:
    began = app.monotonic()
    with app.work() as work:
        ahead = work.clock() - app.now().timestamp()
        took = app.monotonic() - began
        waiting, stuck = work.runs.queue_length(), len(work.deliveries.due(_SOME))
    text = f"the database answers, in {1000 * took:.0f} ms: {waiting} runs and {stuck} deliveries wait"
    yield Finding(ok=True, text=text)
    yield _clock("the database", ahead)


def _clock(whose: str, ahead: float) -> Finding:
    """Of those who have a clock of their own; whole seconds are all that a forge tells."""
    if abs(ahead) <= CLOCK_LIMIT:
        text = f"this machine's clock is within {max(1, math.ceil(abs(ahead)))} s of that of {whose}"
        return Finding(ok=True, text=text, check="clock")
    where = "behind" if ahead > 0 else "before"
    text = (
        f"this machine's clock is {abs(ahead):.0f} s {where} that of {whose}; more than {CLOCK_LIMIT:.0f} are wrong"
    )
    return Finding(
        ok=False, text=text, help="let both follow a time server (timedatectl set-ntp true)", check="clock"
    )


def _engine(app: App) -> Iterator[Finding]:
    if trouble := app.sandbox.ready():
        yield Finding(ok=False, text=trouble, help="runs wait until this is mended")
        return
    yield Finding(ok=True, text="the Docker engine answers, and there is room on the disk")
    try:
        took = app.sandbox.probe(Network.INTERNET if _gives_internet(app) else Network.NONE)
    except SandboxUnavailable as error:
        text = f"the Docker engine starts no containers: {error}"
        yield Finding(
            ok=False, text=text, help="runs wait until it does; its own log says more (journalctl -u docker)"
        )
    else:
        yield Finding(ok=True, text=f"a container of ours ran within {took:.1f} s")
    yield from app.sandbox.advice()


def open_network(app: App) -> str:
    """What runs reach beside the internet, and why; nothing when that is as it should be, or not seen yet."""
    if not _gives_internet(app) or app.sandbox.ready():
        return ""
    words = app.sandbox.exposure()
    return f"suites with the internet reach this machine and private networks too: {words}" if words else ""


def _gives_internet(app: App) -> bool:
    return Network.INTERNET in (app.rules.network_trusted, app.rules.network_forks)


def _network(app: App) -> Iterator[Finding]:
    if words := open_network(app):
        yield Finding(ok=False, text=words, help=OPEN_NETWORK_HELP)
    elif not _gives_internet(app):
        yield Finding(ok=True, text="no suite gets the internet")
    elif not app.sandbox.ready():
        yield Finding(ok=True, text="suites with the internet reach neither this machine nor private networks")


def _storage(app: App) -> Iterator[Finding]:
    """Written and read back; what nobody refers to is swept away later."""
    stored = app.artifacts.put(io.BytesIO(_PROBE), len(_PROBE))
    if app.artifacts.read(stored.sha256, 0, len(_PROBE)) != _PROBE:
        yield Finding(ok=False, text="the storage gives back something else than was stored")
    else:
        yield Finding(ok=True, text="the storage keeps what is stored")


def _keys(app: App) -> Iterator[Finding]:
    with app.work() as work:
        sealed = [one.value for one in work.secrets.every()] + [one.secret for one in work.hooks.every()]
        sealed += [one.value for one in work.hosts.every()] + [one.address for one in work.own_channels.every()]
    locked = sum(not _opens(app, one) for one in sealed)
    if locked:
        text = f"{locked} of {len(sealed)} secrets can't be decrypted with ASSAY_SECRET_KEY"
        yield Finding(ok=False, text=text, help="add the key that they were stored with, or set them again")
    else:
        yield Finding(ok=True, text=f"what is stored sealed ({len(sealed)}) can be decrypted")


def _opens(app: App, sealed: bytes) -> bool:
    try:
        app.vault.decrypt(sealed)
    except Refused:
        return False
    return True


def _forges(app: App) -> Iterator[Finding]:
    if not app.forges:
        help_ = "open the link of `assay admin setup-link`, or set ASSAY_GITHUB_APP_ID and what goes with it"
        yield Finding(ok=False, text="no forge is set up", help=help_)
    for name, forge in app.forges.items():
        found = _tried(name, partial(_forge, forge), app)
        yield from (_of(name, one) for one in found) if len(app.forges) > 1 else found


def _of(name: str, found: Finding) -> Finding:
    """Of several forges each line says whose it is."""
    return found if found.text.startswith(f"{name}: ") else replace(found, text=f"{name}: {found.text}")


def _forge(forge: Forge, _: App) -> Iterator[Finding]:
    yield from forge.examine()


def _clocks(app: App) -> Iterator[Finding]:
    """As the answers to what was asked before have told it (RELIABILITY F53)."""
    for name, forge in app.forges.items():
        if (ahead := forge.clock_ahead()) is not None:
            yield _clock(name, ahead)


def _deliveries(app: App) -> Iterator[Finding]:
    """How the last call to each App's one webhook ended: whether a forge reaches us, only the forge can say."""
    for name, webhooks in app.webhooks.items():
        if webhooks.of_installation() and name not in app.polled:
            found = _tried(name, partial(_last_delivery, name, webhooks), app)
            yield from found


def _last_delivery(name: ForgeName, webhooks: Webhooks, app: App) -> Iterator[Finding]:
    url, last = f"{app.url}/webhooks/{name}", webhooks.last(None)
    if last is None:
        text = f"{name} has not called {url} yet, or has forgotten it"
        yield Finding(ok=True, text=text, help="once the App is installed somewhere, a push there is a call")
    elif last.arrived:
        yield Finding(ok=True, text=f"the last delivery of {name} arrived {_ago(app, last)}")
    else:
        text = f"{url} is not reached from {name}: the last delivery failed {_how(last)}{_ago(app, last)}"
        help_ = "let the forge reach that address (DNS, firewall, proxy), or set ASSAY_GITHUB_DELIVERY=poll"
        yield Finding(ok=False, text=text, help=help_)


def _how(sent: Sent) -> str:
    return f'with "{sent.answer}", ' if sent.answer else ""


def _ago(app: App, sent: Sent) -> str:
    return f"{duration(max(0.0, (app.now() - sent.at).total_seconds()))} ago"


def _hooks(app: App) -> Iterator[Finding]:
    """What the forges say of each webhook of a repository (RELIABILITY F44)."""
    registered = [one for one in registering.every(app) if one.hook is not None]
    well = 0
    for one in registered:
        name = f"{one.repository.forge}:{one.repository.path}"
        try:
            trouble = registering.trouble(app, one) or _lost(app, one)
        except BotError as error:
            trouble = str(error)
        if trouble:
            yield Finding(ok=False, text=f"webhook of {name}: {trouble}", help=f"assay repo add {name}")
        well += not trouble
    if registered:
        yield Finding(ok=True, text=f"{well} of {len(registered)} webhooks of repositories are in order")


def _lost(app: App, registered: Registered) -> str:
    last = registering.last_sent(app, registered)
    return "" if last is None or last.arrived else f"its last delivery failed {_how(last)}{_ago(app, last)}"


CHECKS: Final[dict[str, Check]] = {
    "url": _url,
    "database": _database,
    "engine": _engine,
    "network": _network,
    "storage": _storage,
    "keys": _keys,
    "forges": _forges,
    "clock": _clocks,
    "deliveries": _deliveries,
    "webhooks": _hooks,
}
"""In the order in which they are told; of the clocks once the forges have answered."""
