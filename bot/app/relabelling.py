"""A label came to a change or went: suites that were left out for their labels may be wanted now."""

import hashlib

from bot.app import starting, steering, trusting
from bot.app.context import App
from bot.app.steering import Wish
from bot.domain.events import ChangeUpdated
from bot.domain.planning import Sharing
from bot.domain.refs import Repository
from bot.domain.runs import Cause


def relabelled(app: App, event: ChangeUpdated, repository: Repository) -> str:
    """Start what matches now and has not run; nothing that has run or runs is touched.

    Who sets labels need not have write access, so trust and approval are those of the head's own build.
    """
    change = app.forge_of(repository).change(repository, event.number)
    if not change.is_open:
        return "the change is closed"
    with app.work() as work:
        builds = [one for one in work.builds.at(repository.id, change.head) if one.change == change.number]
        if not builds:
            return "the head has no build yet; its own delivery looks at the labels"
        approved = trusting.is_approved(work, builds[0])
    labels = hashlib.sha256("\0".join(sorted(change.labels)).encode(errors="replace")).hexdigest()[:16]
    key = f"label:{repository.id}:{change.number}:{change.base_ref}:{change.head}:{labels}"
    wish = Wish(event.sender, key, Cause.CHANGE)
    trigger = steering.trigger_of(repository, builds[0], wish, Sharing.KNOWN, approved=approved)
    return starting.start(app, trigger).reason
