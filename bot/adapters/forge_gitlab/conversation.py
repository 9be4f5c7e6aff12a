"""Emoji on notes and notes of our own (FORGES §3.5)."""

import re
from functools import partial
from typing import Any, Final

from bot.adapters.forge_gitlab.client import Client, project
from bot.domain.errors import Ambiguous, Gone, NotAllowed, Refused
from bot.domain.refs import Repository
from bot.domain.texts import cut
from bot.foreign.fields import Fields, Incomplete, understood
from bot.foreign.pacing import Urgency
from bot.ports.forge import Reaction

MAX_NOTE: Final = 1_000_000
"""Characters."""
_MAX_PAGES: Final = 10
_EMOJI: Final = {Reaction.SEEN: "eyes", Reaction.DONE: "thumbsup", Reaction.REFUSED: "confused"}
_QUICK: Final = re.compile(r"^(\s*)/", re.MULTILINE)
"""GitLab obeys lines that begin like this (quick actions)."""


def react(client: Client, repository: Repository, change: int, note: int, reaction: Reaction) -> None:
    """As Forge.react. That it is there already is told as "not found", too."""
    client.reserve(repository.forge_id, Urgency.ASKED)
    path = f"{_notes(repository, change)}/{note}/award_emoji"
    try:
        client.write(repository.forge_id, "post", path, {"name": _EMOJI[reaction]}, once=False)
    except NotAllowed:
        raise
    except Gone:
        return
    except Refused as error:
        if "taken" not in str(error):
            raise


def reply(client: Client, repository: Repository, change: int, text: str, ref: str | None, unique: str) -> str:
    """As Forge.reply."""
    if unique:
        note = int(ref) if ref else find(client, repository, change, unique)
        if note and not edit(client, repository, change, note, text):
            raise Gone("somebody deleted the note")
        return str(note or write(client, repository, change, text))
    if ref is not None and edit(client, repository, change, int(ref), text):
        return ref
    return str(write(client, repository, change, text))


def write(client: Client, repository: Repository, change: int, text: str) -> int:
    client.me()  # before anything of ours can come back as a webhook
    client.reserve(repository.forge_id)
    path = _notes(repository, change)
    note = Fields(client.write(repository.forge_id, "post", path, _body(text), once=True))
    try:
        return note.number("id")
    except Incomplete as error:
        raise Ambiguous("a note was written, but its number is not known") from error


def edit(client: Client, repository: Repository, change: int, note: int, text: str) -> bool:
    """False: it is gone."""
    client.reserve(repository.forge_id)
    try:
        client.write(repository.forge_id, "put", f"{_notes(repository, change)}/{note}", _body(text), once=False)
    except Gone:
        return False
    return True


def find(client: Client, repository: Repository, change: int, words: str) -> int:
    """The number of our note that holds them; others may copy what ours hold. 0: there is none."""
    me = client.me()
    for page in client.pages(_notes(repository, change), _MAX_PAGES, sort="asc", order_by="created_at"):
        for one in map(Fields, page):
            author = Fields(one.data.get("author")) if isinstance(one.data, dict) else Fields({})
            if words in one.text("body", MAX_NOTE) and author.knows("id") and author.data["id"] == me:
                return understood(partial(one.number, "id"))
    return 0


def _body(text: str) -> dict[str, Any]:
    return {"body": cut(_QUICK.sub(r"\1\\/", text), MAX_NOTE)}


def _notes(repository: Repository, change: int) -> str:
    return f"{project(repository.forge_id)}/merge_requests/{change}/notes"
