"""What people do to the repository, and what should come of it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.demo.forge.hooks import Delivery
from bot.demo.forge.state import Pull
from tests.faults.place import UNIT
from tests.hosts.place import Hosts

LINES: Final = 20_000
TIMEOUT: Final = 45
PATIENCE: Final = 300.0
"""Seconds for the forge to get rid of its webhooks; a receiver that is frozen costs it ten each."""
SCRIPTS: Final[Mapping[str, tuple[str, str]]] = {
    "quick": ("true", "passed"),
    "slow": ("sleep {seconds}", "passed"),
    "broken": ("sleep 1; exit 3", "failed"),
    "loud": (f"seq {LINES}", "passed"),
    "stuck": ("sleep 600", "timed_out"),
}
"""What a commit's suite does, and the state of its run afterwards."""
_WEIGHTS: Final = (5, 5, 3, 2, 1)
_MANY: Final = 6
"""Changes that are open at once."""


@dataclass(slots=True)
class Commit:
    kind: str
    branch: str
    changed: bool = False
    """Somebody asked for more or less than its one run: a change, a command, a button."""
    stoppable: bool = False
    """It may have been cancelled or superseded."""

    @property
    def state(self) -> str:
        return SCRIPTS[self.kind][1]


@dataclass(slots=True)
class People:
    here: Hosts
    commits: dict[str, Commit] = field(default_factory=dict)
    changes: list[Pull] = field(default_factory=list)
    """The open ones."""
    all_changes: list[Pull] = field(default_factory=list)
    said: int = 0
    lost: int = 0

    def act(self, what: str, chance: random.Random) -> str:
        """What was done, in words."""
        # The forge calls one of the web processes, as behind a balancer.
        github = self.here.github
        web = chance.choice([self.here.serve, self.here.other])
        github.app.webhook_url = f"{web.url}/webhooks/github"
        return _ACTS[what](self, chance)

    def push(self, chance: random.Random) -> str:
        return self._commit(f"b-{len(self.commits)}", chance)

    def push_thrice(self, chance: random.Random) -> str:
        words = self.push(chance)
        hooks = self.here.github.hooks
        hooks.settle(PATIENCE)
        for delivery in [each for each in hooks.sent if each.event == "push"][-1:]:
            for _ in range(2):
                hooks.send_again(delivery)
        return words

    def push_and_lose(self, chance: random.Random) -> str:
        """The forge knows that it was not heard."""
        hooks = self.here.github.hooks
        hooks.settle(PATIENCE)
        hooks.hold()
        words = self.push(chance)
        lost = list(hooks.held or ())
        hooks.release(())
        with self.here.github.world.lock:
            for delivery in lost:
                delivery.delivered_at = self.here.github.world.now()
                hooks.sent.append(delivery)
        self.lost += len(lost)
        return words

    def push_shuffled(self, chance: random.Random) -> str:
        hooks = self.here.github.hooks
        hooks.hold()
        words = ", ".join(self.push(chance) for _ in range(3))
        order = list(range(len(hooks.held or ())))
        chance.shuffle(order)
        hooks.release(order)
        return words

    def open(self, chance: random.Random) -> str:
        if len(self.changes) >= _MANY:
            return self.close(chance)
        branch = f"topic-{len(self.all_changes)}"
        words = self._commit(branch, chance, changed=True)
        pull = self.here.github.open_pull(self.here.repo, branch)
        self.changes.append(pull)
        self.all_changes.append(pull)
        return f"change {pull.number}: {words}"

    def update(self, chance: random.Random) -> str:
        if not self.changes:
            return self.open(chance)
        pull = chance.choice(self.changes)
        self.commits[pull.head_sha].stoppable = True
        return f"change {pull.number}: {self._commit(pull.head_ref, chance, changed=True)}"

    def close(self, chance: random.Random) -> str:
        if not self.changes:
            return self.open(chance)
        pull = self.changes.pop(chance.randrange(len(self.changes)))
        self.commits[pull.head_sha].stoppable = True
        self.here.github.close_pull(pull)
        return f"change {pull.number} closed"

    def retest(self, chance: random.Random) -> str:
        return self._say("/retest", chance)

    def cancel(self, chance: random.Random) -> str:
        return self._say("/cancel", chance)

    def press(self, chance: random.Random) -> str:
        ended = [sha for sha in self.commits if self._has_ended(sha)]
        if not ended:
            return self.push(chance)
        sha = chance.choice(ended)
        check = self.here.check(sha)
        assert check
        self.commits[sha].changed = True
        self.here.github.rerequest(check, self.here.repo.owner.login)
        return f"re-run of {sha[:7]}"

    def _has_ended(self, sha: str) -> bool:
        check = self.here.check(sha, UNIT)
        return check is not None and check.status == "completed"

    def _say(self, text: str, chance: random.Random) -> str:
        if not self.changes:
            return self.open(chance)
        pull = chance.choice(self.changes)
        self.commits[pull.head_sha].changed = True
        self.commits[pull.head_sha].stoppable |= text == "/cancel"
        self.said += 1
        self.here.github.comment(pull, self.here.repo.owner.login, text)
        return f"{text} on change {pull.number}"

    def _commit(self, branch: str, chance: random.Random, *, changed: bool = False) -> str:
        (kind,) = chance.choices(list(SCRIPTS), _WEIGHTS)
        script = SCRIPTS[kind][0].format(seconds=chance.randint(2, 8))
        text = f'echo "begin $ASSAY_ATTEMPT"; {script}; echo end\n'
        files = {"test.sh": text, "number": f"{len(self.commits)}\n"}
        sha = self.here.github.commit(self.here.repo, branch, files)
        self.commits[sha] = Commit(kind, branch, changed)
        return f"{kind} {sha[:7]} on {branch}"


_ACTS: Final[Mapping[str, Callable[[People, random.Random], str]]] = {
    "push": People.push,
    "push and hear it thrice": People.push_thrice,
    "push and lose the webhook": People.push_and_lose,
    "push in the wrong order": People.push_shuffled,
    "open a change": People.open,
    "push to a change": People.update,
    "close a change": People.close,
    "retest": People.retest,
    "cancel": People.cancel,
    "press re-run": People.press,
}


def answered(deliveries: list[Delivery]) -> int:
    return sum(each.arrived for each in deliveries)
