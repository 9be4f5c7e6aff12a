"""The pretend GitLab as a place where people work: its webhook is the repository's own, its calls can be spoiled."""

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.responses import Response

import bot
from bot.demo.forge.calls import Call, Fault, Faults, Journal
from bot.demo.forge.server import Server
from bot.demo.gitlab.door import Door
from bot.demo.gitlab.gitlab import PretendGitLab
from bot.demo.gitlab.hooks import Hooks
from bot.demo.gitlab.state import LEVELS, Project
from tests.faults.place import UNIT
from tests.faults.quiet import CheckFact
from tests.hosts.place import Hosts
from tests.soak.sites import Change

_CONCLUSIONS: Final = {"success": "success", "failed": "failure", "canceled": "cancelled", "skipped": "skipped"}
Sending = tuple[Project, dict[str, Any], str, dict[str, Any], str]


class HeldHooks(Hooks):
    """They can be held back."""

    held: list[Sending] | None = None

    def send(self, project: Project, hook: dict[str, Any], event: str, payload: dict[str, Any], key: str) -> None:
        if self.held is None:
            super().send(project, hook, event, payload, key)
        else:
            self.held.append((project, hook, event, payload, key))

    def release(self) -> list[Sending]:
        held, self.held = self.held or [], None
        return held


class SpoiltDoor(Door):
    """Calls of its API can be made to fail, as the pretend GitHub's."""

    def __init__(self, lab: PretendGitLab) -> None:
        super().__init__(lab)
        self.journal = Journal()
        self.faults = Faults()

    def handle(self, call: Call) -> Response:
        entry = self.journal.begin(call)
        fault = self.faults.take(call)
        if fault is None:
            response = super().handle(call)
        else:
            time.sleep(fault.delay)
            is_done = fault.after or not (fault.reset or fault.status)
            right = super().handle(call) if is_done else None
            response = fault.response() if right is None or fault.reset or fault.status else right
        entry.status = 0 if fault and fault.reset else response.status_code
        return response


class OnGitLab:
    name = "gitlab"
    prefix = "/assay "
    writes = r"/statuses/"
    reads = r"/statuses/|/repository/|/merge_requests/"
    has_buttons = False
    takes_strangers = False

    def __init__(self, folder: Path) -> None:
        self.lab = PretendGitLab(folder)
        self.lab.hooks = HeldHooks("", self.lab.webhook_secret, self.lab.lock, lambda: next(self.lab.numbers))
        self._hooks = self.lab.hooks
        self.door = SpoiltDoor(self.lab)
        self._server = Server(self.door.app, 0)
        self.lab.url = f"http://127.0.0.1:{self._server.port}"
        self._person = self.lab.add_person("ann")
        self.project = self.lab.add_project("acme/lab")
        self.project.members[self._person] = LEVELS["developer"]

    @contextlib.contextmanager
    def running(self) -> Iterator["OnGitLab"]:
        self._server.start()
        self.lab.hooks.start()
        try:
            yield self
        finally:
            self.lab.hooks.stop()
            self._server.stop()

    @property
    def settings(self) -> dict[str, str]:
        return {"GITLAB_URL": self.lab.url, "GITLAB_TOKEN": self.lab.token}

    def register(self, here: Hosts) -> None:
        """As somebody does who looks after the bot."""
        command = [sys.executable, "-m", "bot", "repo", "add", f"gitlab:{self.project.path}"]
        environment = here.serve.environment(**here.settings)
        subprocess.run(command, cwd=Path(bot.__file__).parents[1], env=environment, check=True)  # noqa: S603  # ourselves

    def hear_at(self, url: str) -> None:
        with self.lab.lock:
            for hook in self.project.hooks.values():
                hook["url"] = f"{url}{urlsplit(hook['url']).path}"

    def commit(self, branch: str, files: Mapping[str, str], *, stranger: bool = False) -> str:
        assert not stranger
        with self.lab.lock:
            return self.lab.commit(self.project, branch, "Change", files, self._person)

    def open(self, branch: str, *, stranger: bool = False) -> Change:
        assert not stranger
        with self.lab.lock:
            change = self.lab.open(self.project, self.project, branch, self._person)
        return Change(self, change, branch)

    def close(self, change: Change) -> None:
        with self.lab.lock:
            self.lab.close(self.project, change.it, self._person)

    def say(self, change: Change, text: str) -> None:
        with self.lab.lock:
            self.lab.say(change.it, self._person, text)

    def has_ended(self, sha: str) -> bool:
        with self.lab.lock:
            found = [one for one in self.lab.shown(sha) if one.name == UNIT]
        return bool(found) and found[-1].state in _CONCLUSIONS

    def press(self, sha: str) -> None:
        raise NotImplementedError("it has no buttons of ours")

    def may_approve(self, change: Change) -> bool:
        return int(self.lab.now()) > int(change.it.updated_at)

    def push_again(self, times: int) -> None:
        self.settle()
        with self.lab.lock:
            pushes = [one for one in self.project.attempts if one[2]["X-Gitlab-Event"] == "Push Hook"]
            (hook,) = self.project.hooks.values()
            for _, _, headers, payload in pushes[:1] * times:
                self._hooks.send(self.project, hook, "Push Hook", payload, headers["Idempotency-Key"])

    @contextlib.contextmanager
    def losing(self) -> Iterator[None]:
        self._hooks.held = []
        yield
        for project, hook, event, payload, key in self._hooks.release():
            self._hooks.send(project, {**hook, "url": "http://127.0.0.1:9/"}, event, payload, key)

    @contextlib.contextmanager
    def shuffling(self, chance: random.Random) -> Iterator[None]:
        self._hooks.held = []
        yield
        held = self._hooks.release()
        for each in chance.sample(held, len(held)):
            self._hooks.send(*each)

    def fail_next(self, path: str, method: str = "", how: Any = 500, **more: Any) -> None:  # noqa: ANN401  # as the pretend GitHub's
        self.door.faults.add(
            Fault(
                path=path,
                method=method,
                count=more.get("count", 1),
                status=how if isinstance(how, int) else 0,
                reset=how == "reset",
                after=more.get("when") == "after",
                delay=more.get("delay", 0.0),
                body=b"",
                headers=more.get("headers", {}),
            )
        )

    def heal(self) -> None:
        self.door.faults.clear()

    def settle(self) -> None:
        self._hooks.settle()

    def comments(self, change: Change) -> list[str]:
        with self.lab.lock:
            return [note.body for note in change.it.notes.values() if note.author == self.lab.me]

    def checks(self) -> list[CheckFact]:
        """In GitHub's words; what one is about is where it leads."""
        with self.lab.lock:
            return [
                CheckFact(
                    sha=one.sha,
                    name=one.name,
                    external_id=f"{one.name} of {one.target_url}",
                    conclusions=[_CONCLUSIONS.get(state) for state in one.history],
                )
                for one in self.lab.statuses
            ]

    def answered(self) -> list[str]:
        with self.lab.lock:
            return [one[2]["Idempotency-Key"] for one in self.project.attempts if _arrived(one[1])]

    @property
    def secrets(self) -> Sequence[str]:
        return [self.lab.token, *(hook.get("signing_token") or hook["token"] for hook in self.project.hooks.values())]

    @property
    def figures(self) -> dict[str, float]:
        calls, sent = self.door.journal.entries, self.project.attempts
        return {
            "webhook calls": len(sent),
            "  answered with 2xx": sum(_arrived(one[1]) for one in sent),
            "calls": len(calls),
            "  that it failed": sum(entry.status >= 500 or entry.status in (0, 429) for entry in calls),
        }


def _arrived(status: int) -> bool:
    return 200 <= status < 300
