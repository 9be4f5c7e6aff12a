"""The one note with a change's results (PRODUCT §2.5) stands in for statuses where those can't be seen."""

from bot.adapters.forge_gitlab.client import Client
from bot.adapters.forge_gitlab.conversation import edit, find, write
from bot.adapters.forge_gitlab.places import head_of
from bot.domain.checks import Check
from bot.domain.refs import Repository
from bot.domain.results_comment import MARK
from bot.domain.texts import code, escaped


def summarize(client: Client, repository: Repository, check: Check, note: int) -> int:
    """The note's number; `note` again when nothing was said: the change has moved on, or somebody deleted it."""
    assert check.change is not None
    if head_of(client, repository, check.change) != check.sha:
        return note
    text = _text(check)
    known = note or find(client, repository, check.change, MARK)
    if not known:
        return write(client, repository, check.change, text)
    edit(client, repository, check.change, known, text)
    return known


def _text(check: Check) -> str:
    return (
        f"**{escaped(check.title)}** on {code(check.sha[:7])}\n\n{check.summary}\n\n"
        f"[All results]({check.details_url})\n{MARK} {check.sha[:7]} -->"
    )
