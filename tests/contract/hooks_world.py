"""What the contract of webhooks needs from a forge under test, for GitHub and for GitLab."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from bot.domain.refs import Repository
from bot.ports.forge import Forge
from bot.ports.webhooks import Hook, Webhooks
from tests.contract.forge_world import SECRET, GitHubTokenWorld
from tests.contract.gitlab_world import SIGNING, GitLabWorld
from tests.sims.github_wire import Clock

OTHER: Final = "another secret of the test suite"


class HooksWorld(Protocol):
    """One forge with one repository, and its webhooks from outside."""

    forge: Forge
    webhooks: Webhooks
    repository: Repository
    clock: Clock
    secrets: tuple[str, str]

    def made(self) -> list[tuple[str, str]]:
        """Address and secret of each."""

    def lose_next_write(self) -> None:
        """The next write happens, but its answer never arrives."""

    def forbid(self) -> None:
        """Our user may do nothing any more."""

    def switch_off(self) -> None:
        """As a forge does with a webhook that fails."""

    def sent(self, status: int, key: str) -> None:
        """The forge tried to deliver something just now, and was answered so."""

    def on_their_way(self) -> list[str]:
        """Keys of what the forge is about to send once more."""

    def key_of(self, hook: Hook, key: str) -> str:
        """How a delivery of that key is known to us."""


class GitHubHooks:
    secrets = (SECRET, OTHER)

    def __init__(self, folder: Path) -> None:
        self.world = GitHubTokenWorld(folder)
        self.repository, self.clock = self.world.repository, self.world.clock
        self.forge: Forge = self.world.forge
        self.webhooks: Webhooks = self.world.forge.webhooks

    def made(self) -> list[tuple[str, str]]:
        return [(one.config["url"], one.config["secret"]) for one in self.world.github.world.hooks]

    def lose_next_write(self) -> None:
        self.world.lose_next_write()

    def forbid(self) -> None:
        self.world.repo.roles.clear()

    def switch_off(self) -> None:
        self.world.github.world.hooks[0].active = False

    def sent(self, status: int, key: str) -> None:
        hooks = self.world.github.hooks
        first = next(one for one in hooks.held or [] if one.hook)
        made = replace(first, id=self.world.github.world.new_id(), guid=key, status_code=status)
        made.headers, made.delivered_at = hooks.headers_of(made), self.world.clock.time()
        hooks.sent.append(made)

    def on_their_way(self) -> list[str]:
        return [one.guid for one in list(self.world.github.hooks._waiting.queue) if one]

    def key_of(self, hook: Hook, key: str) -> str:
        return f"{hook.number}:{key}"


class GitLabHooks:
    secrets = (SIGNING, "whsec_" + base64.b64encode(b"one more key of the tests, 32 b.").decode())

    def __init__(self, folder: Path) -> None:
        self.world = GitLabWorld(folder)
        self.repository, self.clock = self.world.repository, self.world.clock
        self.forge: Forge = self.world.forge
        self.webhooks: Webhooks = self.world.forge.webhooks

    def made(self) -> list[tuple[str, str]]:
        return [(str(one["url"]), str(one["signing_token"])) for one in self._hooks.values()]

    @property
    def _hooks(self) -> Mapping[int, dict[str, object]]:
        return self.world.project.hooks

    def lose_next_write(self) -> None:
        self.world.lose_next_write()

    def forbid(self) -> None:
        self.world.project.members[self.world.gitlab.me] = 30

    def switch_off(self) -> None:
        next(iter(self._hooks.values()))["alert_status"] = "disabled"

    def sent(self, status: int, key: str) -> None:
        headers = {"X-Gitlab-Event": "Push Hook", "Idempotency-Key": key}
        headers["webhook-timestamp"] = str(int(self.world.clock.time()))
        head = self.world.project.head("main")
        body = self.world.gitlab.push_payload(self.world.project, "main", "", head)
        self.world.project.attempts.insert(0, (next(self.world.gitlab.numbers), status, headers, body))

    def on_their_way(self) -> list[str]:
        return self.world.project.resent

    def key_of(self, hook: Hook, key: str) -> str:
        return key
