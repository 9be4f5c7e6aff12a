"""What people and the App say on pull requests and issues, and the webhooks that follow from it."""

from bot.demo.forge import objects, objects_talk
from bot.demo.forge.state import Account, Comment, Issue, Pull, Repo, World
from bot.demo.forge.telling import Telling


class Talk:
    def __init__(self, world: World, telling: Telling) -> None:
        self._world = world
        self._telling = telling

    def open_issue(self, repo: Repo, author: Account, title: str) -> Issue:
        """Nobody is told: the App does not subscribe to issues."""
        world = self._world
        one = Issue(
            id=world.new_id(),
            number=world.next_number(repo),
            repo=repo,
            author=author,
            title=title,
            body="",
            created_at=world.now(),
        )
        world.issues.append(one)
        return one

    def comment(
        self, issue: Issue | Pull, author: Account, body: str, line: tuple[str, str, int] | None = None
    ) -> Comment:
        """With a commit, path and line it is a review comment."""
        world = self._world
        one = Comment(
            id=world.new_id(),
            repo=issue.repo,
            issue=issue.number,
            author=author,
            body=body,
            created_at=world.now(),
            updated_at=world.now(),
            line=line,
        )
        world.comments.append(one)
        self._tell(one, "created", author)
        return one

    def edit(self, comment: Comment, author: Account, body: str) -> None:
        before, comment.body = comment.body, body
        comment.updated_at = self._world.now()
        self._tell(comment, "edited", author, changes={"body": {"from": before}})

    def delete(self, comment: Comment, author: Account) -> None:
        self._world.comments.remove(comment)
        self._tell(comment, "deleted", author)

    def _tell(self, comment: Comment, action: str, sender: Account, **more: object) -> None:
        world, repo = self._world, comment.repo
        issue = world.issue(repo, comment.issue)
        assert issue
        shown = objects_talk.comment(world, comment)
        if comment.line is None:
            about = {"issue": objects_talk.issue(world, issue)}
            self._telling.about("issue_comment", repo, sender, action=action, **about, comment=shown, **more)
        elif isinstance(issue, Pull):
            # GitHub leaves out here what it would have to work out.
            whole = objects.pull(world, issue)
            about = {"pull_request": {name: whole[name] for name in whole if not name.startswith("merge")}}
            event = "pull_request_review_comment"
            self._telling.about(event, repo, sender, action=action, **about, comment=shown, **more)
