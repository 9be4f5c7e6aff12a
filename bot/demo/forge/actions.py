"""What people do with repositories and pull requests on the forge."""

from collections.abc import Mapping
from typing import Any

from bot.demo.forge import objects
from bot.demo.forge.gitdir import GitDir
from bot.demo.forge.state import Account, Installation, Pull, Repo, World
from bot.demo.forge.telling import Telling

Files = Mapping[str, str | bytes | None]


class Actions:
    """Every method does one thing as one person and tells the App about it, if the App is installed there."""

    def __init__(self, world: World, telling: Telling) -> None:
        self._world = world
        self._telling = telling

    def create(
        self, owner: Account, name: str, files: Files, *, private: bool, roles: Mapping[str, str], default_branch: str
    ) -> Repo:
        world = self._world
        number = world.new_id()
        repo = Repo(
            id=number,
            owner=owner,
            name=name,
            git=GitDir.create(world.folder / f"{number}.git", default_branch),
            private=private,
            default_branch=default_branch,
            created_at=world.now(),
            roles={self._person(login).id: role for login, role in roles.items()},
        )
        world.repos.append(repo)
        if files:
            self._write(repo, default_branch, files, "Start", owner, None)
        return repo

    def fork(self, parent: Repo, owner: Account) -> Repo:
        roles: dict[str, str] = {}
        branch = parent.default_branch
        fork = self.create(owner, parent.name, {}, private=parent.private, roles=roles, default_branch=branch)
        fork.parent = parent
        if tip := parent.git.resolve(branch):
            fork.git.take(parent.git, tip, f"refs/heads/{branch}")
        return fork

    def commit(self, repo: Repo, branch: str, files: Files, message: str, author: Account, parent: str | None) -> str:
        """Push one commit on top of `parent` (else of the branch, else of the default branch)."""
        before = repo.git.resolve(f"refs/heads/{branch}")
        start = parent or before or repo.git.resolve(repo.default_branch)
        sha = self._write(repo, branch, files, message, author, start)
        forced = before is not None and repo.git.merge_base(before, sha) != before
        self._telling.pushed(repo, f"refs/heads/{branch}", before, sha, sha, author, forced=forced)
        for pull in self._pulls_from(repo, branch):
            self._moved(pull, sha, author)
        return sha

    def point(self, repo: Repo, branch: str, sha: str, author: Account) -> None:
        """Push an existing commit to a branch."""
        before = repo.git.resolve(f"refs/heads/{branch}")
        repo.git.set_ref(f"refs/heads/{branch}", sha)
        self._telling.pushed(repo, f"refs/heads/{branch}", before, sha, sha, author)
        for pull in self._pulls_from(repo, branch):
            self._moved(pull, sha, author)

    def tag(self, repo: Repo, tag: str, sha: str, author: Account, *, annotated: bool) -> str:
        """Gives what the tag points to: the commit, or the tag object of an annotated one."""
        at = int(self._world.now())
        target = repo.git.annotate(tag, sha, author=author.author, at=at, message=tag) if annotated else sha
        repo.git.set_ref(f"refs/tags/{tag}", target)
        self._telling.pushed(repo, f"refs/tags/{tag}", None, target, sha, author)
        return target

    def delete(self, repo: Repo, ref: str, author: Account) -> None:
        """Delete a branch or tag by its full name; pull requests from a branch are closed with it."""
        before = repo.git.resolve(ref)
        repo.git.set_ref(ref, None)
        self._telling.pushed(repo, ref, before, None, None, author)
        for pull in self._pulls_from(repo, ref.removeprefix("refs/heads/")):
            self.close(pull, author, merged=False)

    def open(
        self, repo: Repo, head: Repo, branch: str, base: str, *, title: str, body: str, author: Account, draft: bool
    ) -> Pull:
        world = self._world
        head_sha, base_sha = head.git.resolve(f"refs/heads/{branch}"), repo.git.resolve(f"refs/heads/{base}")
        assert head_sha, f"no branch {branch}"
        assert base_sha, f"no branch {base}"
        pull = Pull(
            id=world.new_id(),
            number=world.next_number(repo),
            repo=repo,
            author=author,
            title=title,
            body=body,
            head_repo=head,
            head_ref=branch,
            head_sha=head_sha,
            base_ref=base,
            base_sha=base_sha,
            draft=draft,
            created_at=world.now(),
            updated_at=world.now(),
        )
        world.pulls.append(pull)
        self._show_head(pull)
        self._telling.about_pull(pull, "opened", author)
        return pull

    def close(self, pull: Pull, author: Account, *, merged: bool) -> None:
        pull.is_open, pull.merged = False, merged
        self._telling.about_pull(pull, "closed", author)

    def reopen(self, pull: Pull, author: Account) -> None:
        pull.is_open = True
        self._telling.about_pull(pull, "reopened", author)

    def ready(self, pull: Pull, author: Account) -> None:
        pull.draft = False
        self._telling.about_pull(pull, "ready_for_review", author)

    def edit(self, pull: Pull, author: Account, *, base: str = "", title: str = "") -> None:
        changes: dict[str, Any] = {}
        if title:
            changes["title"] = {"from": pull.title}
            pull.title = title
        if base:
            changes["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
            pull.base_ref, pull.base_sha = base, pull.repo.git.resolve(f"refs/heads/{base}") or pull.base_sha
        self._telling.about_pull(pull, "edited", author, changes=changes)

    def label(self, pull: Pull, name: str, author: Account, *, gone: bool) -> None:
        (pull.labels.remove if gone else pull.labels.append)(name)
        action = "unlabeled" if gone else "labeled"
        self._telling.about_pull(pull, action, author, label=objects.label(name))

    def lock(self, pull: Pull, author: Account) -> None:
        """From now on nobody but people who may write there can comment."""
        pull.locked = True
        self._telling.about_pull(pull, "locked", author)

    def rename(self, repo: Repo, name: str, author: Account) -> None:
        repo.former.append(repo.path)
        old, repo.name = repo.name, name
        self._telling.about(
            "repository", repo, author, action="renamed", changes={"repository": {"name": {"from": old}}}
        )

    def ghost(self, pull: Pull) -> None:
        """The fork behind the pull request is deleted; nobody is told."""
        assert pull.head_repo
        self._world.repos.remove(pull.head_repo)
        pull.head_repo = None

    def install(
        self, account: Account, permissions: Mapping[str, str], repositories: set[int] | None
    ) -> Installation:
        world = self._world
        one = Installation(
            id=world.new_id(), account=account, permissions=dict(permissions), repositories=repositories
        )
        world.installations.append(one)
        self._telling.installed(one)
        return one

    def _person(self, login: str) -> Account:
        found = self._world.account(login)
        assert found, f"nobody is called {login}"
        return found

    def _write(self, repo: Repo, branch: str, files: Files, message: str, author: Account, parent: str | None) -> str:
        at = int(self._world.now())
        return repo.git.commit(branch, files, message, author=author.author, at=at, parent=parent)

    def _pulls_from(self, repo: Repo, branch: str) -> list[Pull]:
        return [
            each for each in self._world.pulls if each.is_open and (each.head_repo, each.head_ref) == (repo, branch)
        ]

    def _moved(self, pull: Pull, sha: str, author: Account) -> None:
        before, pull.head_sha = pull.head_sha, sha
        pull.base_sha = pull.repo.git.resolve(f"refs/heads/{pull.base_ref}") or pull.base_sha
        self._show_head(pull)
        self._telling.about_pull(pull, "synchronize", author, before=before, after=sha)

    def _show_head(self, pull: Pull) -> None:
        ref = f"refs/pull/{pull.number}/head"
        if pull.head_repo is pull.repo:
            pull.repo.git.set_ref(ref, pull.head_sha)
        elif pull.head_repo:
            pull.repo.git.take(pull.head_repo.git, pull.head_sha, ref)
