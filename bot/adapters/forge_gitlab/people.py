"""Accounts as GitLab describes them."""

import re
from typing import Final

from bot.domain.refs import Person
from bot.foreign.fields import MAX_LOGIN, Fields

_BOT: Final = re.compile(r"(?:project|group)_\d+_bot(?:_\w+)?|service_account_\w+")
"""Users that GitLab makes for tokens (FORGES §3.2, §3.6)."""


def person(who: Fields, number: str = "id", login: str = "username") -> Person:
    """Raises: Incomplete: nobody that could be asked about."""
    called = who.text(login, MAX_LOGIN)
    return Person(who.number(number), called, is_bot=_BOT.fullmatch(called) is not None)


def anybody(who: Fields, number: str = "id", login: str = "username") -> Person:
    """Older servers leave the number out: then there is a name, but nobody (0) who could be asked about."""
    if who.knows(number):
        return person(who, number, login)
    return Person(0, who.text(login, MAX_LOGIN))
