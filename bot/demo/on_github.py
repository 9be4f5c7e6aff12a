"""The demo's round on the pretend GitHub."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.page import FrontButton, PullButton
from bot.demo.forge.state import Pull, Repo
from bot.demo.hello import PERSON
from bot.demo.stage import Shown


class OnGitHub:
    word = "pull request"
    prefix = "/"
    waiting: tuple[str, ...] = ("action_required",)
    approved: tuple[str, ...] = ("action_required", "success")

    def __init__(self, github: PretendGitHub) -> None:
        self.github = github
        self.repo: Repo
        self._fork: Repo | None = None

    @property
    def url(self) -> str:
        return self.github.url

    def start(self, port: int) -> None:
        self.github.start(port)

    def stop(self) -> None:
        self.github.stop()

    def settings(self, folder: Path) -> Mapping[str, str]:
        app, key = self.github.app, folder / "app.pem"
        key.touch(mode=0o600)
        key.write_text(self.github.private_key)
        return {
            "ASSAY_GITHUB_URL": self.url,
            "ASSAY_GITHUB_APP_ID": str(app.id),
            "ASSAY_GITHUB_PRIVATE_KEY_FILE": str(key),
            "ASSAY_GITHUB_WEBHOOK_SECRET": app.webhook_secret,
            "ASSAY_GITHUB_CLIENT_ID": app.client_id,
            "ASSAY_GITHUB_CLIENT_SECRET": app.client_secret,
            "ASSAY_ADMINS": f"github:{PERSON}",
        }

    def add_repository(self, path: str, files: Mapping[str, str], *, writer: str, stranger: str) -> None:
        for login in (writer, stranger):
            self.github.add_person(login)
        self.repo = self.github.add_repository(path, files, roles={writer: "write", stranger: "none"})

    def offer(self, front: Mapping[str, Callable[[], object]], each: Mapping[str, Callable[[Pull], object]]) -> None:
        self.github.buttons.update({_name(label): FrontButton(label, act) for label, act in front.items()})
        self.github.buttons.update({_name(label): PullButton(label, act) for label, act in each.items()})

    def open(self, branch: str, title: str, files: Mapping[str, str], author: str, *, forked: bool) -> Pull:
        if forked:
            self._fork = self._fork or self.github.fork(self.repo, author)
        head = self._fork if forked and self._fork else self.repo
        self.github.commit(head, branch, files, title, author=author)
        return self.github.open_pull(self.repo, branch, fork=head, title=title, author=author)

    def replace(self, change: Pull, path: str, old: str, new: str, message: str) -> None:
        if change.head_repo is None:
            return
        text = change.head_repo.git.git("show", f"{change.head_sha}:{path}").decode().replace(old, new)
        self.github.commit(change.head_repo, change.head_ref, {path: text}, message, author=change.author.login)

    def close(self, change: Pull, author: str) -> None:
        self.github.close_pull(change, author=author)

    def page_of(self, change: Pull) -> str:
        return f"{self.url}/{change.repo.path}/pull/{change.number}"

    def is_later(self, change: Pull) -> bool:
        return int(self.github.world.now()) > int(change.updated_at)  # GitHub's times are whole seconds

    def comment(self, change: Pull, author: str, body: str) -> int:
        return self.github.comment(change, author, body)

    def reactions(self, comment: int) -> list[str]:
        return self.github.reactions(comment)

    def shown(self, change: Pull) -> list[Shown]:
        return [
            Shown(
                name=run.name,
                state=run.conclusion or run.status,
                title=run.title or "",
                url=run.details_url,
                run=run.external_id,
                summary=run.summary or "",
            )
            for run in self.github.check_runs(change.repo, change.head_sha)
        ]


def _name(label: str) -> str:
    """Of a button's address: letters alone."""
    return "".join(filter(str.isalpha, label)).lower()
