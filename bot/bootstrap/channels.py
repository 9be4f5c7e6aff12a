"""Channels made of their addresses: those of the operator's settings, and those of repositories."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from bot.adapters.channel_apprise import AppriseChannel
from bot.adapters.channel_email import Mailbox
from bot.adapters.channel_http import Matrix, Slack, Webhook, look
from bot.domain.errors import Refused
from bot.ports.notices import Channel
from bot.settings import BadSettings, Settings

Now = Callable[[], datetime]
_MOST_MAILBOXES: Final = 5
"""Of a channel that a repository has of its own."""


def of_operator(settings: Settings, now: Now) -> dict[str, Channel]:
    """Raises: BadSettings: an address that makes no sense; it is not told, since it holds secrets."""
    channels: dict[str, Channel] = {}
    for name, secret in settings.channels.items():
        url = secret.get_secret_value()
        try:
            channels[name] = _own_kind(settings, url, now) or AppriseChannel(url)
        except Refused as error:
            raise BadSettings(f"ASSAY_CHANNEL_{name.upper().replace('-', '_')}: {error}") from None
    return channels


def of_repository(settings: Settings, now: Now, url: str) -> Channel:
    """Only kinds whose way out is guarded here: what Apprise connects to can't be known.

    Raises: Refused: nothing may be sent there. Unavailable: its host has no address now.
    """
    try:
        channel = _own_kind(settings, url, now)
    except ValueError as error:
        raise Refused("the address of the channel is not valid") from error
    if channel is None:
        raise Refused("the address begins with slack+https://, matrix+https://, webhook+https:// or mailto:")
    if isinstance(channel, Mailbox):
        _refuse_mailboxes(channel.recipients)
    elif isinstance(channel, Slack | Matrix | Webhook):
        look(channel.server if isinstance(channel, Matrix) else channel.url, local=settings.channels_local)
    return channel


def _refuse_mailboxes(recipients: Sequence[str]) -> None:
    if len(recipients) > _MOST_MAILBOXES:
        raise Refused(f"at most {_MOST_MAILBOXES} mail addresses")


def _own_kind(settings: Settings, url: str, now: Now) -> Channel | None:
    """None: a kind that is none of ours. Raises: Refused."""
    kind, local = url.partition(":")[0].lower(), settings.channels_local
    parts = urlsplit(url.partition("+")[2])
    match kind:
        case "mailto":
            server = settings.smtp_url.get_secret_value() if settings.smtp_url else ""
            return Mailbox(server, settings.mail_from, [one for one in url[7:].split(",") if one])
        case "slack+https" | "slack+http":
            return Slack(urlunsplit(parts), local)
        case "matrix+https" | "matrix+http":
            server = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))
            return Matrix(server, unquote(parts.path.strip("/")), unquote(parts.username or ""), local)
        case "webhook+https" | "webhook+http":
            return Webhook(urlunsplit(parts._replace(fragment="")), parts.fragment, now, local)
        case _:
            return None
