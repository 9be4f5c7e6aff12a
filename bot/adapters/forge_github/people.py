"""Accounts as GitHub describes them."""

from bot.domain.refs import Person
from bot.foreign.fields import MAX_LOGIN, Fields


def person(data: Fields, name: str) -> Person:
    """The account under that name. Only Apps have brackets in their login. Raises: Incomplete."""
    who = data.inner(name)
    login = who.word("login", MAX_LOGIN)
    return Person(who.number("id"), login, is_bot=who.text("type", 20) == "Bot" or login.endswith("[bot]"))
