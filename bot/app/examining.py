"""Is this installation in order: one check after the other, each with what to do about it (PRODUCT §2.10)."""

import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from bot.app import registering
from bot.app.context import App
from bot.domain.errors import BotError, Refused
from bot.domain.hosts import LOOPBACK
from bot.domain.suites import Network
from bot.ports.forge import Finding, Forge

_PROBE: Final = b"a probe of assay doctor"
_SOME: Final = 20
OPEN_NETWORK_HELP: Final = (
    "let the worker set rules of iptables (docs/security.md), or set ASSAY_NETWORK_MAX=none; ASSAY_FIREWALL=true "
    "starts no suite without them"
)

Check = Callable[[App], Iterator[Finding]]


def examine(app: App, names: Collection[str] | None = None) -> Sequence[Finding]:
    """All checks or the named ones; what makes one of them stumble is its finding."""
    chosen = {name: check for name, check in CHECKS.items() if names is None or name in names}
    return [finding for name, check in chosen.items() for finding in _tried(name, check, app)]


def _tried(name: str, check: Check, app: App) -> list[Finding]:
    try:
        return list(check(app))
    except BotError as error:
        return [Finding(ok=False, text=f"{name}: {error}")]


def _url(app: App) -> Iterator[Finding]:
    if urlsplit(app.url).hostname in LOOPBACK:
        text = f"this server is at {app.url}, where only this machine reaches it: for trying out"
        help_ = "for a forge elsewhere set ASSAY_URL to an https address, or ASSAY_GITHUB_DELIVERY=poll without one"
        yield Finding(ok=True, text=text, help="" if app.polled else help_)
    else:
        yield Finding(ok=True, text=f"people and forges reach this server at {app.url}")


def _database(app: App) -> Iterator[Finding]:
    with app.work() as work:
        waiting, stuck = work.runs.queue_length(), len(work.deliveries.due(_SOME))
    yield Finding(ok=True, text=f"the database answers: {waiting} runs and {stuck} deliveries wait")


def _engine(app: App) -> Iterator[Finding]:
    if trouble := app.sandbox.ready():
        yield Finding(ok=False, text=trouble, help="runs wait until this is mended")
    else:
        yield Finding(ok=True, text="the Docker engine answers, and there is room on the disk")


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
        sealed += [one.value for one in work.hosts.every()]
    locked = sum(not _opens(app, one) for one in sealed)
    if locked:
        text = f"{locked} of {len(sealed)} secrets can't be decrypted with ASSAY_SECRET_KEY"
        yield Finding(ok=False, text=text, help="add the key that they were stored with, or set them again")
    else:
        yield Finding(ok=True, text=f"all {len(sealed)} stored secrets can be decrypted")


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


def _hooks(app: App) -> Iterator[Finding]:
    """What the forges say of each webhook (RELIABILITY F44)."""
    registered = [one for one in registering.every(app) if one.hook is not None]
    well = 0
    for one in registered:
        name = f"{one.repository.forge}:{one.repository.path}"
        try:
            trouble = registering.trouble(app, one)
        except BotError as error:
            trouble = str(error)
        if trouble:
            yield Finding(ok=False, text=f"webhook of {name}: {trouble}", help=f"assay repo add {name}")
        well += not trouble
    if registered:
        yield Finding(ok=True, text=f"{well} of {len(registered)} webhooks of repositories are in order")


CHECKS: Final[dict[str, Check]] = {
    "url": _url,
    "database": _database,
    "engine": _engine,
    "network": _network,
    "storage": _storage,
    "keys": _keys,
    "forges": _forges,
    "webhooks": _hooks,
}
"""In the order in which they are told."""
