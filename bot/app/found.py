"""What nobody told of, as deliveries of our own: kept, tried again and done once like all others."""

import json
from typing import Any, Final

from bot.app.context import App
from bot.domain.events import ChangeUpdated, Pushed
from bot.domain.refs import Person, Repository, RepositoryId, Sha
from bot.domain.texts import cut
from bot.ports.forge import Change, Commit

OPEN_CHANGE: Final = "assay.open_change"
BRANCH_HEAD: Final = "assay.branch_head"
NAMES: Final = frozenset({OPEN_CHANGE, BRANCH_HEAD})
_MESSAGE: Final = 10_000
"""Characters of a commit's message that are kept."""


def change(repository: Repository, seen: Change) -> bytes:
    author = seen.author
    facts = {
        "repository": repository.id,
        "change": seen.number,
        "head": seen.head,
        "author": [author.id, author.login, author.is_bot],
    }
    return json.dumps(facts).encode()


def head(repository: Repository, branch: str, seen: Commit, before: Sha) -> bytes:
    """`before`: the last head of the branch that was built."""
    facts = {
        "repository": repository.id,
        "branch": branch,
        "head": seen.sha,
        "before": before,
        "message": cut(seen.message, _MESSAGE),
    }
    return json.dumps(facts).encode()


def event_of(app: App, name: str, payload: bytes) -> ChangeUpdated | Pushed:
    """Nobody vouches for the head: of who pushed it nothing is known."""
    facts = json.loads(payload)
    with app.work() as work:
        repository = work.repositories.get(RepositoryId(facts["repository"]))
    return _pushed(repository, facts) if name == BRANCH_HEAD else _updated(repository, facts)


def _updated(repository: Repository, facts: Any) -> ChangeUpdated:  # noqa: ANN401  # JSON of our own
    number, login, is_bot = facts["author"]
    return ChangeUpdated(
        repository=repository,
        number=facts["change"],
        action="found",
        head=Sha(facts["head"]),
        updated_at=None,
        sender=Person(number, login, is_bot=is_bot),
    )


def _pushed(repository: Repository, facts: Any) -> Pushed:  # noqa: ANN401  # JSON of our own
    return Pushed(
        repository=repository,
        branch=facts["branch"],
        tag=None,
        sha=Sha(facts["head"]),
        before=Sha(facts["before"]),
        message=facts["message"],
        sender=Person(0, "somebody"),
    )
