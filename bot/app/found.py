"""An open change that nobody told of, as a delivery of our own: kept, tried again and done once like all others."""

import json
from typing import Final

from bot.app.context import App
from bot.domain.events import ChangeUpdated
from bot.domain.refs import Person, Repository, RepositoryId, Sha
from bot.ports.forge import Change

NAME: Final = "assay.open_change"


def payload_of(repository: Repository, change: Change) -> bytes:
    author = change.author
    facts = {
        "repository": repository.id,
        "change": change.number,
        "head": change.head,
        "author": [author.id, author.login, author.is_bot],
    }
    return json.dumps(facts).encode()


def event_of(app: App, payload: bytes) -> ChangeUpdated:
    """Nobody vouches for the head: of who pushed it nothing is known."""
    facts = json.loads(payload)
    with app.work() as work:
        repository = work.repositories.get(RepositoryId(facts["repository"]))
    number, login, is_bot = facts["author"]
    return ChangeUpdated(
        repository=repository,
        number=facts["change"],
        action="found",
        head=Sha(facts["head"]),
        updated_at=None,
        sender=Person(number, login, is_bot=is_bot),
    )
