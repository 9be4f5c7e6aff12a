"""The demo's round on the pretend GitLab."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bot.demo.forge.server import Server
from bot.demo.gitlab.door import Door
from bot.demo.gitlab.gitlab import PretendGitLab
from bot.demo.gitlab.page import EMOJI, STATES
from bot.demo.gitlab.state import LEVELS, MergeRequest, Project, Status
from bot.demo.stage import Shown


class OnGitLab:
    word = "merge request"
    prefix = "/assay "
    waiting: tuple[str, ...] = ("action_required",)
    approved: tuple[str, ...] = ("success",)
    """A status that waits goes on as the same one."""

    def __init__(self, lab: PretendGitLab) -> None:
        self.lab = lab
        self.project: Project
        self._fork: Project | None = None
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return self.lab.url

    def start(self, port: int) -> None:
        self._server = Server(Door(self.lab).app, port)
        self.lab.url = f"http://127.0.0.1:{self._server.port}"
        self._server.start()
        self.lab.hooks.start()

    def stop(self) -> None:
        self.lab.hooks.stop()
        if self._server:
            self._server.stop()

    def settings(self, folder: Path) -> Mapping[str, str]:
        del folder
        return {
            "ASSAY_GITLAB_URL": self.url,
            "ASSAY_GITLAB_TOKEN": self.lab.token,
            "ASSAY_GITLAB_WEBHOOK_SECRET": self.lab.webhook_secret,
        }

    def add_repository(self, path: str, files: Mapping[str, str], *, writer: str, stranger: str) -> None:
        with self.lab.lock:
            author = self.lab.add_person(writer)
            self.lab.add_person(stranger)
            self.project = self.lab.add_project(path)
            self.project.members[author] = LEVELS["developer"]
            self.lab.commit(self.project, "main", "Start", files, author)

    def offer(
        self, front: Mapping[str, Callable[[], object]], each: Mapping[str, Callable[[MergeRequest], object]]
    ) -> None:
        self.lab.front.update(front)
        self.lab.each.update(each)

    def open(self, branch: str, title: str, files: Mapping[str, str], author: str, *, forked: bool) -> MergeRequest:
        with self.lab.lock:
            person = self.lab.person(author)
            if forked:
                self._fork = self._fork or self.lab.fork(self.project, person)
            source = self._fork if forked and self._fork else self.project
            self.lab.commit(source, branch, title, files, person)
            return self.lab.open(self.project, source, branch, person, title)

    def replace(self, change: MergeRequest, path: str, old: str, new: str, message: str) -> None:
        with self.lab.lock:
            source = self.lab.projects[change.source]
            text = source.git.git("show", f"{change.sha}:{path}").decode().replace(old, new)
            self.lab.commit(source, change.source_branch, message, {path: text}, change.author)

    def close(self, change: MergeRequest, author: str) -> None:
        with self.lab.lock:
            self.lab.close(self.lab.projects[change.project], change, self.lab.person(author))

    def page_of(self, change: MergeRequest) -> str:
        return f"{self.url}/{self.lab.projects[change.project].path}/-/merge_requests/{change.number}"

    def is_later(self, change: MergeRequest) -> bool:
        return int(self.lab.now()) > int(change.updated_at)  # what webhooks tell are whole seconds

    def comment(self, change: MergeRequest, author: str, body: str) -> int:
        with self.lab.lock:
            return self.lab.say(change, self.lab.person(author), body).id

    def reactions(self, comment: int) -> list[str]:
        with self.lab.lock:
            changes = [change for project in self.lab.projects.values() for change in project.changes.values()]
            notes = [change.notes[comment] for change in changes if comment in change.notes]
            return [EMOJI[name] for note in notes for name in note.emoji]

    def shown(self, change: MergeRequest) -> list[Shown]:
        with self.lab.lock:
            return [_shown(one) for one in self.lab.shown(change.sha)]


def _shown(one: Status) -> Shown:
    """GitLab has no state of its own for what waits for people; its words say so."""
    waits = one.state == "pending" and "must approve" in one.description
    state = "action_required" if waits else STATES[one.state]
    return Shown(name=one.name, state=state, title=one.description, url=one.target_url)
