"""Addresses and networks in settings; `allowed` is all that `assay firewall` takes from the environment."""

import ipaddress
import os

from bot.settings.texts import words_of


def checked(text: str) -> str:
    """Raises: ValueError: there is something else than addresses and networks, joined by commas."""
    for one in words_of(text):
        try:
            ipaddress.IPv4Network(one)
        except ValueError:
            raise ValueError(f"{one!r} is no IPv4 address or network like 10.1.2.3 or 10.1.0.0/16") from None
    return text


def of_proxies(text: str) -> str:
    """Raises: ValueError: as above; also of IPv6, and `*` for whoever calls."""
    for one in words_of(text):
        try:
            ipaddress.ip_network("0.0.0.0/0" if one == "*" else one)
        except ValueError:
            raise ValueError(f"{one[:60]!r} is no address or network like 10.1.2.3 or 10.1.0.0/16") from None
    return text


def allowed() -> tuple[str, ...]:
    """Raises: ValueError."""
    return tuple(words_of(checked(os.environ.get("ASSAY_FIREWALL_ALLOW", ""))))
