"""Forges are set up in the browser (PRODUCT §2.9): a link that works once, then credentials, sealed, in use at once.

What the settings of the server say of a forge wins over what is stored here.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

import structlog

from bot.app.context import App
from bot.domain.errors import BadInput, ForgeUnavailable, Gone, Refused
from bot.domain.findings import Finding
from bot.domain.hosts import Host, address_of
from bot.domain.refs import ForgeName
from bot.ports.hosts import AppMaking, Hosts, Order, SetupKind
from bot.ports.store import UnitOfWork

log = structlog.get_logger()

LINK_LASTS: Final = 7 * 86400
"""Seconds."""
SESSION_LASTS: Final = 3600
_AT_THE_FORGE: Final = 3600
"""As long as GitHub takes the code."""
_APART: Final = 30.0
"""Seconds between the forge's clock and ours that are well; a minute makes it refuse what we sign."""
_GITHUB: Final = ForgeName("github")
_GITLAB: Final = ForgeName("gitlab")
_APP_NAME: Final = re.compile(r"[^\W_](?:[\w .-]{0,32}[\w.-])?")
_ORGANISATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}", re.ASCII)
_APP_ID: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ordered:
    order: Order
    flow: str = field(repr=False)
    """For the browser to bring back with GitHub's answer; only we can read it."""


def is_wanted(app: App) -> bool:
    return not app.forges


def make_link(app: App, secret: str, *, actor: str) -> str:
    """The address, which opens the set-up once; earlier ones end. `secret`: 256 random bits as text."""
    with app.work() as work:
        work.setup_keys.put(SetupKind.LINK, _digest(secret), LINK_LASTS)
        _note(work, actor, "make set-up link", "server", "")
    return f"{app.url}/setup?link={secret}"


def end_link(app: App) -> None:
    """One that was made at an earlier start and is of no use any more."""
    with app.work() as work:
        work.setup_keys.end(SetupKind.LINK)


def enter(app: App, link: str, session: str) -> None:
    """`session`: 256 random bits as text, for the browser to keep. Raises: Gone: no such link (any more)."""
    with app.work() as work:
        if not work.setup_keys.take(SetupKind.LINK, _digest(link)):
            raise Gone(
                "the link was used already, is too old or never was one; `assay admin setup-link` makes another"
            )
        work.setup_keys.put(SetupKind.SESSION, _digest(session), SESSION_LASTS)
        _note(work, "set-up link", "begin set-up", "server", "")


def is_open_for(app: App, session: str) -> bool:
    with app.work() as work:
        return work.setup_keys.is_live(SetupKind.SESSION, _digest(session))


def leave(app: App, session: str) -> None:
    with app.work() as work:
        work.setup_keys.take(SetupKind.SESSION, _digest(session))


def order_app(app: App, url: str, organisation: str, name: str, *, state: str, writes_files: bool = False) -> Ordered:
    """What the browser sends to GitHub. `state`: 256 random bits as text. Raises: BadInput."""
    making, url = _making(app), _address(url)
    _refuse_fixed(app, _GITHUB)
    if not _APP_NAME.fullmatch(name):
        raise BadInput("a name of an App has up to 34 letters, digits, blanks and . - _")
    if organisation and not _ORGANISATION.fullmatch(organisation):
        raise BadInput("that is no name of an organization")
    redirect = f"{app.url}/setup/github/done"
    about = {"ours": app.url, "redirect": redirect, "state": state}
    order = making.order(url, organisation, name, **about, writes_files=writes_files)
    flow = {"state": state, "url": url, "until": app.now().timestamp() + _AT_THE_FORGE}
    return Ordered(order, app.vault.encrypt(json.dumps(flow).encode()).decode("ascii"))


def take_app(app: App, *, flow: str, state: str, code: str, actor: str) -> None:
    """The browser is back from GitHub with the code of an App that was made.

    Raises:
        BadInput: not the answer to what this browser began here.
        Refused, ForgeUnavailable: GitHub doesn't hand the App out; begin again.
    """
    facts = _flow(app, flow)
    if not hmac.compare_digest(str(facts["state"]).encode(), state.encode()) or not code:
        raise BadInput("this is not the answer to a set-up that was begun here")
    _refuse_fixed(app, _GITHUB)
    keep(app, _making(app).convert(str(facts["url"]), code), actor=actor)


def keep_app(
    app: App, url: str, app_id: str, private_key: str, secret: str, client: tuple[str, str], *, actor: str
) -> None:
    """One that exists already. Raises: BadInput; Refused: GitHub doesn't know it so; ForgeUnavailable."""
    if not _APP_ID.fullmatch(app_id):
        raise BadInput("the App ID is a number")
    host = Host(
        name=_GITHUB,
        url=_address(url),
        webhook_secrets=(secret,),
        app_id=app_id,
        private_key=private_key.replace("\r\n", "\n"),
        client_id=client[0],
        client_secret=client[1],
    )
    _check(app, host)
    keep(app, host, actor=actor)


def keep_gitlab(app: App, url: str, token: str, client: tuple[str, str], *, actor: str) -> None:
    """Raises: BadInput; Refused: GitLab doesn't take the token, or it lacks a scope; ForgeUnavailable."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise BadInput("that is no token")
    host = Host(
        name=_GITLAB,
        url=_address(url),
        webhook_secrets=(),
        token=token,
        client_id=client[0],
        client_secret=client[1],
    )
    _check(app, host)
    keep(app, host, actor=actor)


def keep(app: App, host: Host, *, actor: str) -> None:
    """Sealed, and in use from now on: here at once, in other processes in a few seconds."""
    name = ForgeName(host.name)
    _refuse_fixed(app, name)
    with app.work() as work:
        work.hosts.put(name, app.vault.encrypt(json.dumps(asdict(host)).encode()), actor)
        work.setup_keys.end(SetupKind.LINK)
        _note(work, actor, "set up forge", f"forge:{name}", host.url)
    _hosts(app).reload()
    log.info("setup.kept", forge=name, url=host.url)


def opened(sealed: bytes) -> Host:
    """What `keep` sealed, once the vault has opened it."""
    facts = json.loads(sealed)
    return Host(**{**facts, "webhook_secrets": tuple(facts["webhook_secrets"])})


def look_around(app: App, url: str) -> Sequence[Finding]:
    """Can GitHub be reached from here, and do its clock and ours agree."""
    if app.making is None:
        return ()
    try:
        apart = abs((app.making.time_at(url) - app.now()).total_seconds())
    except (Refused, ForgeUnavailable) as error:
        return [Finding(ok=False, text=f"GitHub at {url} does not answer: {error}", help="let this machine call it")]
    if apart > _APART:
        what = f"this machine's clock is {apart:.0f} seconds off"
        return [Finding(ok=False, text=what, help="let it follow a time server: the forge refuses what is signed so")]
    return [Finding(ok=True, text=f"GitHub at {url} answers, and its clock and ours agree")]


def _check(app: App, host: Host) -> None:
    """Raises: BadInput, Refused."""
    _refuse_fixed(app, ForgeName(host.name))
    if bool(host.client_id) is not bool(host.client_secret):
        raise BadInput("client ID and client secret go together")
    wrong = [one for one in _hosts(app).examine(host) if not one.ok]
    if wrong:
        raise Refused(". ".join(f"{one.text}: {one.help}" if one.help else one.text for one in wrong))


def _address(text: str) -> str:
    try:
        return address_of(text.strip())
    except ValueError as error:
        raise BadInput(f"the address {error}") from error


def _refuse_fixed(app: App, name: ForgeName) -> None:
    if name in _hosts(app).fixed:
        raise Refused(f"the settings of the server say how {name} is reached, and they win")


def _hosts(app: App) -> Hosts:
    if app.hosts is None:
        raise Gone("forges can't be set up here")
    return app.hosts


def _making(app: App) -> AppMaking:
    if app.making is None:
        raise Gone("Apps can't be made here")
    return app.making


def _flow(app: App, flow: str) -> dict[str, object]:
    try:
        facts = json.loads(app.vault.decrypt(flow.encode()))
    except Refused as error:
        raise BadInput("this is not the answer to a set-up that was begun here") from error
    if not isinstance(facts.get("until"), float) or facts["until"] < app.now().timestamp():
        raise BadInput("it took longer than an hour: begin again")
    return dict(facts)


def _note(work: UnitOfWork, actor: str, action: str, subject: str, detail: str) -> None:
    work.audit.add(repository=None, actor=actor, action=action, subject=subject, detail=detail)


def _digest(text: str) -> str:
    """A fast one is right: nobody can try 256 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()
