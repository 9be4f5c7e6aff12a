"""What people do to the repositories, and what should come of it."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.soak.sites import Change, Site

TIMEOUT: Final = 45
SCRIPTS: Final[Mapping[str, tuple[str, str]]] = {
    "quick": ("true", "passed"),
    "slow": ("sleep {seconds}", "passed"),
    "broken": ("sleep 1; exit 3", "failed"),
    "loud": ("seq 20000", "passed"),
    "steady": ("for n in $(seq 40); do echo $n; sleep 0.2; done", "passed"),
    "stuck": ("sleep 600", "timed_out"),
}
"""What a commit's suite does, and the state of its run afterwards."""
LINES: Final[Mapping[str, int]] = {"loud": 20_000, "steady": 40}
"""Of those that count."""
_WEIGHTS: Final = (5, 5, 3, 2, 4, 1)
_MANY: Final = 6
"""Changes that are open at once."""
_SITES: Final = (2, 1)
"""How often people are at each."""


@dataclass(slots=True)
class Commit:
    kind: str
    branch: str
    changed: bool = False
    """Somebody asked for more or less than its one run: a command, a button."""
    stoppable: bool = False
    """It may have been cancelled or superseded."""
    stranger: bool = False
    approved: bool = False

    @property
    def state(self) -> str:
        return SCRIPTS[self.kind][1]


@dataclass(slots=True)
class People:
    sites: Sequence[Site]
    webs: Sequence[str]
    """Addresses of the web processes; a forge calls one of them, as behind a balancer."""
    commits: dict[str, Commit] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    """The open ones."""
    all_changes: list[Change] = field(default_factory=list)
    said: int = 0
    lost: int = 0

    def act(self, what: str, chance: random.Random) -> str:
        """What was done, in words."""
        (site,) = chance.choices(self.sites, _SITES)
        for each in self.sites:
            each.hear_at(chance.choice(self.webs))
        return f"{site.name}: {_ACTS[what](self, site, chance)}"

    def push(self, site: Site, chance: random.Random) -> str:
        return self._commit(site, f"b-{len(self.commits)}", chance)

    def push_thrice(self, site: Site, chance: random.Random) -> str:
        words = self.push(site, chance)
        site.push_again(2)
        return words

    def push_and_lose(self, site: Site, chance: random.Random) -> str:
        with site.losing():
            self.lost += 1
            return self.push(site, chance)

    def push_shuffled(self, site: Site, chance: random.Random) -> str:
        with site.shuffling(chance):
            return ", ".join(self.push(site, chance) for _ in range(3))

    def open(self, site: Site, chance: random.Random) -> str:
        if len(self.changes) >= _MANY:
            return self.close(site, chance)
        return self._open(site, chance)

    def open_as_stranger(self, site: Site, chance: random.Random) -> str:
        if not site.takes_strangers or len(self.changes) >= _MANY:
            return self.approve(site, chance)
        return self._open(site, chance, stranger=True)

    def update(self, site: Site, chance: random.Random) -> str:
        if not self.changes:
            return self._open(site, chance)
        change = chance.choice(self.changes)
        self.commits[change.head].stoppable = True
        words = self._commit(change.site, change.branch, chance, stranger=change.stranger)
        return f"change {change}: {words}"

    def close(self, site: Site, chance: random.Random) -> str:
        if not self.changes:
            return self._open(site, chance)
        change = self.changes.pop(chance.randrange(len(self.changes)))
        self.commits[change.head].stoppable = True
        change.site.close(change)
        return f"change {change} closed"

    def approve(self, site: Site, chance: random.Random) -> str:
        waiting = self._unapproved()
        if not waiting:
            return self.open(site, chance)
        return self._approve(chance.choice(waiting))

    def approve_all(self) -> list[str]:
        """Once more what may have been lost on its way, or was said too soon."""
        return [self._approve(change) for change in self.changes if change.stranger]

    def retest(self, site: Site, chance: random.Random) -> str:
        return self._say("retest", site, chance)

    def cancel(self, site: Site, chance: random.Random) -> str:
        return self._say("cancel", site, chance)

    def press(self, site: Site, chance: random.Random) -> str:
        ended = [sha for sha in self.commits if site.has_buttons and site.has_ended(sha)]
        if not ended:
            return self.push(site, chance)
        sha = chance.choice(ended)
        self.commits[sha].changed = True
        site.press(sha)
        return f"re-run of {sha[:7]}"

    def _unapproved(self) -> list[Change]:
        strange = [one for one in self.changes if one.stranger and one.site.may_approve(one)]
        return [one for one in strange if not self.commits[one.head].approved]

    def _approve(self, change: Change) -> str:
        self.commits[change.head].approved = True
        return self._tell(change, "ok-to-test")

    def _say(self, command: str, site: Site, chance: random.Random) -> str:
        if not self.changes:
            return self._open(site, chance)
        change = chance.choice(self.changes)
        self.commits[change.head].changed = True
        self.commits[change.head].stoppable |= command == "cancel"
        return self._tell(change, command)

    def _tell(self, change: Change, command: str) -> str:
        self.said += 1
        change.site.say(change, f"{change.site.prefix}{command}")
        return f"{command} on change {change}"

    def _open(self, site: Site, chance: random.Random, *, stranger: bool = False) -> str:
        branch = f"topic-{len(self.all_changes)}"
        words = self._commit(site, branch, chance, stranger=stranger)
        change = site.open(branch, stranger=stranger)
        self.changes.append(change)
        self.all_changes.append(change)
        return f"change {change}{' of a stranger' if stranger else ''}: {words}"

    def _commit(self, site: Site, branch: str, chance: random.Random, *, stranger: bool = False) -> str:
        (kind,) = chance.choices(list(SCRIPTS), _WEIGHTS)
        script = SCRIPTS[kind][0].format(seconds=chance.randint(2, 8))
        text = f'echo "begin $ASSAY_ATTEMPT"; {script}; echo end\n'
        files = {"test.sh": text, "number": f"{len(self.commits)}\n"}
        sha = site.commit(branch, files, stranger=stranger)
        self.commits[sha] = Commit(kind, branch, stranger=stranger)
        return f"{kind} {sha[:7]} on {branch}"


_ACTS: Final[Mapping[str, Callable[[People, Site, random.Random], str]]] = {
    "push": People.push,
    "push and hear it thrice": People.push_thrice,
    "push and lose the webhook": People.push_and_lose,
    "push in the wrong order": People.push_shuffled,
    "open a change": People.open,
    "open a change as a stranger": People.open_as_stranger,
    "push to a change": People.update,
    "close a change": People.close,
    "approve": People.approve,
    "retest": People.retest,
    "cancel": People.cancel,
    "press re-run": People.press,
}
