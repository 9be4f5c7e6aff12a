"""The pretend GitHub as one object: for the demo and for tests, with names instead of numbers."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import rsa

from bot.demo.forge.actions import Actions, Files
from bot.demo.forge.api import Api
from bot.demo.forge.app import PERMISSIONS, new_app
from bot.demo.forge.calls import Entry, Fault
from bot.demo.forge.editor import Editor
from bot.demo.forge.hooks import Hooks
from bot.demo.forge.keys import new_key, pem_of
from bot.demo.forge.manifests import Manifests
from bot.demo.forge.page import Button, Page
from bot.demo.forge.pressing import Pressing
from bot.demo.forge.queueing import MergeQueue, Reason
from bot.demo.forge.server import Door, Server
from bot.demo.forge.signin import SignIn
from bot.demo.forge.state import (
    Account,
    App,
    CheckRun,
    Comment,
    CommitStatus,
    Installation,
    MergeGroup,
    PersonalToken,
    Pull,
    Repo,
    World,
)
from bot.demo.forge.talk import Talk
from bot.demo.forge.telling import Telling


class PretendGitHub:
    """Set it up, `start` it, act as people do; look at `check_runs`, `journal` and `hooks.sent`.

    Wherever an action takes a person's login and none is given, the repository's owner acts.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        webhook_url: str = "",
        webhook_secret: str = "a secret of the pretend forge",  # noqa: S107  # signs pretended webhooks only
        permissions: Mapping[str, str] = PERMISSIONS,
        key: rsa.RSAPrivateKey | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Without a folder the repositories live in a temporary one, until `stop`; without a key one is made."""
        self._temporary = tempfile.TemporaryDirectory(prefix="assay-forge-") if folder is None else None
        self.world = World(Path(self._temporary.name) if self._temporary else _made(folder), clock)
        self.world.app = new_app(self.world, webhook_url, webhook_secret, permissions, key or new_key())
        self.hooks = Hooks(self.world)
        self.buttons: dict[str, Button] = {}
        """What the page offers; the demo puts its own here."""
        self._telling = Telling(self.world, self.hooks)
        self._actions = Actions(self.world, self._telling)
        self._talk = Talk(self.world, self._telling)
        self._pressing = Pressing(self.world, self._telling)
        self._queue = MergeQueue(self.world, self._telling, self._actions)
        api = Api(self.world, self.hooks, self._pressing, self._talk, self._telling, self._actions)
        page = Page(self.world, self.buttons, self._talk, self._pressing)
        pages = (SignIn(self.world), Manifests(self.world, self._actions), Editor(self.world, self._actions))
        self.door = Door(self.world, api, pages, page)
        self._server: Server | None = None

    def start(self, port: int = 0) -> "PretendGitHub":
        """Raises: OSError when the port is taken."""
        self._server = Server(self.door.app, port)
        self.world.url = f"http://127.0.0.1:{self._server.port}"
        self._server.start()
        self.hooks.start()
        return self

    def stop(self) -> None:
        self.hooks.stop()
        if self._server:
            self._server.stop()
        if self._temporary:
            self._temporary.cleanup()

    @property
    def url(self) -> str:
        """What `ASSAY_GITHUB_URL` is set to."""
        return self.world.url

    @property
    def app(self) -> App:
        return self.world.app

    @property
    def private_key(self) -> str:
        """The App's key as PEM."""
        return pem_of(self.app.key)

    @property
    def journal(self) -> list[Entry]:
        """Every request, oldest first."""
        return self.door.journal.entries

    def requests(self, path: str, method: str = "") -> list[Entry]:
        """The journal's entries whose path the regular expression finds."""
        return self.door.journal.find(path, method)

    def fail_next(
        self,
        path: str,
        method: str = "",
        how: int | Literal["reset", "late"] = 500,
        *,
        count: int = 1,
        when: Literal["before", "after"] = "before",
        delay: float = 0.0,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Spoil the next `count` requests whose path the regular expression finds.

        `how` is a status, `reset` (the connection is cut) or `late` (the right answer after `delay` seconds);
        with `when="after"` the work is done all the same.
        """
        fault = Fault(
            path=path,
            method=method,
            count=count,
            status=how if isinstance(how, int) else 0,
            reset=how == "reset",
            after=when == "after",
            delay=delay,
            body=body,
            headers=dict(headers or {}),
        )
        self.door.faults.add(fault)

    def fail_no_more(self) -> None:
        self.door.faults.clear()

    def add_person(self, login: str, kind: Literal["User", "Organization"] = "User") -> Account:
        with self.world.lock:
            person = Account(self.world.new_id(), login, kind)
            self.world.accounts.append(person)
            return person

    def add_repository(
        self,
        path: str,
        files: Files | None = None,
        *,
        private: bool = False,
        roles: Mapping[str, str] | None = None,
        default_branch: str = "main",
    ) -> Repo:
        """`roles`: login to none, read, triage, write, maintain or admin. Accounts are made as needed.

        The App is installed on the owner unless it already was.
        """
        owner, name = path.split("/")
        with self.world.lock:
            account = self.world.account(owner) or self.add_person(owner, "Organization")
            for login in roles or {}:
                self._person(login, account)
            repo = self._actions.create(
                account, name, files or {}, private=private, roles=roles or {}, default_branch=default_branch
            )
            if not any(each.account is account for each in self.world.installations):
                self.install(owner)
            return repo

    def install(self, login: str, repositories: Sequence[Repo] | None = None) -> Installation:
        """Install the App on an account, for all of its repositories or for the named ones."""
        with self.world.lock:
            chosen = None if repositories is None else {repo.id for repo in repositories}
            account = self.world.account(login) or self.add_person(login)
            return self._actions.install(account, self.app.permissions, chosen)

    def personal_token(self, login: str, *scopes: str) -> str:
        """A new one of that person's."""
        with self.world.lock:
            person = self.world.account(login) or self.add_person(login)
            value = f"ghp_{len(self.world.personal_tokens)}_{login}"
            self.world.personal_tokens[value] = PersonalToken(value=value, account=person, scopes=frozenset(scopes))
            return value

    def statuses(self, repo: Repo, sha: str) -> list[CommitStatus]:
        """All of a commit, oldest first."""
        with self.world.lock:
            return [each for each in self.world.statuses if each.repo is repo and each.sha == sha]

    def fork(self, repo: Repo, login: str) -> Repo:
        with self.world.lock:
            return self._actions.fork(repo, self._person(login, repo.owner))

    def commit(
        self,
        repo: Repo,
        branch: str,
        files: Files,
        message: str = "Change",
        *,
        author: str = "",
        parent: str | None = None,
    ) -> str:
        """Push one commit; gives its id. A `parent` that is not the branch's tip makes it a force-push."""
        with self.world.lock:
            return self._actions.commit(repo, branch, files, message, self._person(author, repo.owner), parent)

    def push(self, repo: Repo, branch: str, sha: str, *, author: str = "") -> None:
        """Make a branch point to a commit that is there already."""
        with self.world.lock:
            self._actions.point(repo, branch, sha, self._person(author, repo.owner))

    def tag(self, repo: Repo, name: str, sha: str, *, annotated: bool = False, author: str = "") -> str:
        """Gives the id that the tag points to: of an annotated one not the commit's."""
        with self.world.lock:
            return self._actions.tag(repo, name, sha, self._person(author, repo.owner), annotated=annotated)

    def delete_branch(self, repo: Repo, branch: str, *, author: str = "") -> None:
        with self.world.lock:
            self._actions.delete(repo, f"refs/heads/{branch}", self._person(author, repo.owner))

    def delete_tag(self, repo: Repo, tag: str, *, author: str = "") -> None:
        with self.world.lock:
            self._actions.delete(repo, f"refs/tags/{tag}", self._person(author, repo.owner))

    def open_pull(
        self,
        repo: Repo,
        branch: str,
        *,
        fork: Repo | None = None,
        base: str = "",
        title: str = "A change",
        body: str = "",
        draft: bool = False,
        author: str = "",
    ) -> Pull:
        """From a branch of the repository or of a fork."""
        head = fork or repo
        with self.world.lock:
            person = self._person(author, head.owner)
            target = base or repo.default_branch
            return self._actions.open(repo, head, branch, target, title=title, body=body, author=person, draft=draft)

    def close_pull(self, pull: Pull, *, merged: bool = False, author: str = "") -> None:
        with self.world.lock:
            self._actions.close(pull, self._person(author, pull.repo.owner), merged=merged)

    def reopen_pull(self, pull: Pull, *, author: str = "") -> None:
        with self.world.lock:
            self._actions.reopen(pull, self._person(author, pull.repo.owner))

    def mark_ready(self, pull: Pull, *, author: str = "") -> None:
        with self.world.lock:
            self._actions.ready(pull, self._person(author, pull.repo.owner))

    def edit_pull(self, pull: Pull, *, base: str = "", title: str = "", author: str = "") -> None:
        with self.world.lock:
            self._actions.edit(pull, self._person(author, pull.repo.owner), base=base, title=title)

    def lock(self, pull: Pull, *, author: str = "") -> None:
        with self.world.lock:
            self._actions.lock(pull, self._person(author, pull.repo.owner))

    def label(self, pull: Pull, name: str, *, gone: bool = False, author: str = "") -> None:
        with self.world.lock:
            self._actions.label(pull, name, self._person(author, pull.repo.owner), gone=gone)

    def delete_fork(self, pull: Pull) -> None:
        with self.world.lock:
            self._actions.ghost(pull)

    def rename(self, repo: Repo, name: str, *, author: str = "") -> None:
        with self.world.lock:
            self._actions.rename(repo, name, self._person(author, repo.owner))

    def ping(self) -> None:
        with self.world.lock:
            self._telling.ping()

    def check_runs(self, repo: Repo, sha: str, name: str = "") -> list[CheckRun]:
        """All check runs of a commit, oldest first."""
        with self.world.lock:
            return [
                each
                for each in self.world.checks
                if each.repo is repo and each.sha == sha and name in ("", each.name)
            ]

    def comment(self, pull: Pull, author: str, body: str) -> int:
        """Gives the comment's id, as the next two do."""
        with self.world.lock:
            return self._talk.comment(pull, self._person(author, pull.repo.owner), body).id

    def review_comment(self, pull: Pull, author: str, body: str, *, path: str = "README.md", line: int = 1) -> int:
        with self.world.lock:
            place = pull.head_sha, path, line
            return self._talk.comment(pull, self._person(author, pull.repo.owner), body, place).id

    def comment_on_issue(self, repo: Repo, author: str, body: str) -> int:
        """On a new issue that is no pull request."""
        with self.world.lock:
            person = self._person(author, repo.owner)
            return self._talk.comment(self._talk.open_issue(repo, person, "Something else"), person, body).id

    def edit_comment(self, comment: int, body: str, *, author: str = "") -> None:
        """Without an author the comment's own one edits it."""
        with self.world.lock:
            found = self._comment(comment)
            self._talk.edit(found, self._person(author, found.author), body)

    def delete_comment(self, comment: int, *, author: str = "") -> None:
        with self.world.lock:
            found = self._comment(comment)
            self._talk.delete(found, self._person(author, found.author))

    def reactions(self, comment: int) -> list[str]:
        """Their contents as GitHub writes them, in the order in which they came."""
        with self.world.lock:
            return [content for _, content in self._comment(comment).reactions]

    def rerequest(self, run: CheckRun, by: str) -> None:
        """Press "Re-run" beside a check."""
        with self.world.lock:
            self._pressing.rerequest(run, self._person(by, run.repo.owner))

    def rerequest_all(self, repo: Repo, sha: str, by: str) -> None:
        """Press "Re-run all checks"."""
        with self.world.lock:
            self._pressing.rerequest_all(repo, sha, self._person(by, repo.owner))

    def press(self, run: CheckRun, identifier: str, by: str) -> None:
        """Press one of the App's own buttons, which the check must offer."""
        with self.world.lock:
            self._pressing.press(run, identifier, self._person(by, run.repo.owner))

    def queue_pull(self, pull: Pull, *, author: str = "") -> MergeGroup:
        """Put it into the merge queue, which merges it on trial at once."""
        with self.world.lock:
            return self._queue.add(pull, self._person(author, pull.repo.owner))

    def destroy_merge_group(self, group: MergeGroup, reason: Reason = "dequeued", *, author: str = "") -> None:
        with self.world.lock:
            self._queue.destroy(group, reason, self._person(author, group.pull.repo.owner))

    def comments(self, pull: Pull) -> list[Comment]:
        with self.world.lock:
            return [each for each in self.world.comments if each.repo is pull.repo and each.issue == pull.number]

    def _comment(self, number: int) -> Comment:
        return next(each for each in self.world.comments if each.id == number)

    def _person(self, login: str, otherwise: Account) -> Account:
        if not login:
            return otherwise
        return self.world.account(login) or self.add_person(login)


def _made(folder: Path | None) -> Path:
    assert folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder
