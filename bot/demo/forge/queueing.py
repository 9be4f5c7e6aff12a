"""The merge queue: a pull request is merged on trial, checked, and then merged for good or let go."""

from typing import Literal

from bot.demo.forge import objects_checks
from bot.demo.forge.actions import Actions
from bot.demo.forge.state import Account, MergeGroup, Pull, World
from bot.demo.forge.telling import Telling

Reason = Literal["merged", "invalidated", "dequeued"]


class MergeQueue:
    def __init__(self, world: World, telling: Telling, actions: Actions) -> None:
        self._world = world
        self._telling = telling
        self._actions = actions
        self._robot = Account(world.new_id(), "github-merge-queue[bot]", "Bot")
        world.accounts.append(self._robot)

    def add(self, pull: Pull, author: Account) -> MergeGroup:
        """Raises: GitFailed: the pull request is in conflict with its target."""
        repo = pull.repo
        base = repo.git.resolve(f"refs/heads/{pull.base_ref}")
        assert base
        message = f"Merge pull request #{pull.number} from {pull.author.login}/{pull.head_ref}\n\n{pull.title}\n"
        at = int(self._world.now())
        sha = repo.git.merge(base, pull.head_sha, message, author=self._robot.author, at=at)
        branch = f"gh-readonly-queue/{pull.base_ref}/pr-{pull.number}-{base}"
        group = MergeGroup(
            pull=pull,
            head_ref=f"refs/heads/{branch}",
            head_sha=sha,
            base_ref=f"refs/heads/{pull.base_ref}",
            base_sha=base,
        )
        self._telling.about_pull(pull, "enqueued", author)
        self._actions.point(repo, branch, sha, self._robot)
        self._tell(group, "checks_requested")
        return group

    def destroy(self, group: MergeGroup, reason: Reason, author: Account) -> None:
        """`merged` also merges the pull request."""
        pull = group.pull
        if reason == "merged":
            self._actions.point(pull.repo, pull.base_ref, group.head_sha, self._robot)
            self._actions.close(pull, author, merged=True)
        self._telling.about_pull(pull, "dequeued", author, reason=reason.upper())
        self._tell(group, "destroyed", reason=reason)
        self._actions.delete(pull.repo, group.head_ref, self._robot)

    def _tell(self, group: MergeGroup, action: str, **more: object) -> None:
        shown = objects_checks.merge_group(group)
        self._telling.about("merge_group", group.pull.repo, self._robot, action=action, merge_group=shown, **more)
