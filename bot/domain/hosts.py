"""Forges that are set up: where each is and with what we speak to it."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One forge. Its settings are named for it: of `gitlab-work` ASSAY_GITLAB_WORK_URL and so on."""

    name: str
    url: str
    webhook_secrets: tuple[str, ...] = field(repr=False)
    """One, or several while they are rotated."""
    app_id: str = ""
    private_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    client_id: str = ""
    """With `client_secret`: people sign in there."""
    client_secret: str = field(default="", repr=False)
    polled: bool = False
    """Its webhooks can't reach us, so that we ask (GitHub alone)."""
    app_page: str = ""
    """Where an App that was made here is installed."""

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]


def address_of(value: str) -> str:
    """Plain http is for this machine alone (DESIGN §5). Raises: ValueError."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ValueError("must be an address like https://ci.example.org")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must be https, except on localhost")
    return value.rstrip("/")
