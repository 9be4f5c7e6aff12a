"""The pretend GitHub as a place where people work."""

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.demo.forge.hooks import Delivery
from bot.demo.forge.state import Repo
from tests.faults.place import UNIT
from tests.faults.quiet import CheckFact
from tests.hosts.place import Hosts
from tests.soak.sites import PATIENCE, Change

STRANGER = "eve"


class OnGitHub:
    name = "github"
    prefix = "/"
    writes = r"/check-runs"
    reads = r"/check-runs|/access_tokens|/contents"
    has_buttons = True
    takes_strangers = True

    def __init__(self, here: Hosts) -> None:
        self._here, self._github, self._repo = here, here.github, here.repo
        self._fork: Repo | None = None

    def hear_at(self, url: str) -> None:
        self._github.app.webhook_url = f"{url}/webhooks/github"

    def commit(self, branch: str, files: Mapping[str, str], *, stranger: bool = False) -> str:
        repo, author = (self._strange(), STRANGER) if stranger else (self._repo, "")
        return self._github.commit(repo, branch, files, author=author)

    def open(self, branch: str, *, stranger: bool = False) -> Change:
        fork = self._strange() if stranger else None
        pull = self._github.open_pull(self._repo, branch, fork=fork, author=STRANGER if stranger else "")
        return Change(self, pull, branch, stranger)

    def _strange(self) -> Repo:
        self._fork = self._fork or self._github.fork(self._repo, STRANGER)
        return self._fork

    def close(self, change: Change) -> None:
        self._github.close_pull(change.it)

    def say(self, change: Change, text: str) -> None:
        self._github.comment(change.it, self._repo.owner.login, text)

    def has_ended(self, sha: str) -> bool:
        check = self._here.check(sha, UNIT)
        return check is not None and check.status == "completed"

    def press(self, sha: str) -> None:
        check = self._here.check(sha)
        assert check
        self._github.rerequest(check, self._repo.owner.login)

    def may_approve(self, change: Change) -> bool:
        return int(self._github.world.now()) > int(change.it.updated_at)  # GitHub tells whole seconds

    def push_again(self, times: int) -> None:
        self.settle()
        hooks = self._github.hooks
        for delivery in [each for each in hooks.sent if each.event == "push"][-1:]:
            for _ in range(times):
                hooks.send_again(delivery)

    @contextlib.contextmanager
    def losing(self) -> Iterator[None]:
        hooks, world = self._github.hooks, self._github.world
        self.settle()
        hooks.hold()
        yield
        lost: list[Delivery] = list(hooks.held or ())
        hooks.release(())
        with world.lock:
            for delivery in lost:
                delivery.delivered_at = world.now()
                hooks.sent.append(delivery)

    @contextlib.contextmanager
    def shuffling(self, chance: random.Random) -> Iterator[None]:
        hooks = self._github.hooks
        hooks.hold()
        yield
        order = list(range(len(hooks.held or ())))
        chance.shuffle(order)
        hooks.release(order)

    def fail_next(self, path: str, method: str = "", how: Any = 500, **more: Any) -> None:  # noqa: ANN401  # handed on
        self._github.fail_next(path, method, how, **more)

    def heal(self) -> None:
        self._github.fail_no_more()

    def settle(self) -> None:
        self._github.hooks.settle(PATIENCE)

    def comments(self, change: Change) -> list[str]:
        ours = self._github.app.slug
        return [one.body for one in self._github.comments(change.it) if one.author.login.startswith(ours)]

    def checks(self) -> list[CheckFact]:
        """The quiet check looks at these by itself."""
        return []

    def answered(self) -> list[str]:
        """Likewise."""
        return []

    @property
    def secrets(self) -> Sequence[str]:
        return ()

    @property
    def figures(self) -> dict[str, float]:
        sent = self._github.hooks.sent
        calls = self._github.journal
        return {
            "webhook calls": len(sent),
            "  answered with 2xx": sum(each.arrived for each in sent),
            "  slowest answer in s": max((each.duration for each in sent if each.arrived), default=0.0),
            "calls": len(calls),
            "  that it failed": sum(entry.status >= 500 or entry.status in (0, 401, 429) for entry in calls),
        }
