"""Endpoints of comments on issues and pull requests and of reactions to them (FORGES §1.7)."""

from starlette.responses import JSONResponse, Response

from bot.demo.forge import objects_talk
from bot.demo.forge.bodies import CommentBody, ReactionBody, read
from bot.demo.forge.calls import ApiError, Call, paged
from bot.demo.forge.state import Account, Comment, Issue, Pull, World
from bot.demo.forge.talk import Talk


class CommentsApi:
    def __init__(self, world: World, talk: Talk) -> None:
        self._world = world
        self._talk = talk

    def create(self, call: Call) -> Response:
        body, issue = read(CommentBody, call).body, self._issue(call, call.params["number"])
        one = self._talk.comment(issue, self._caller(call), body)
        return JSONResponse(objects_talk.comment(self._world, one), 201)

    def update(self, call: Call) -> Response:
        one, body = self._comment(call), read(CommentBody, call).body
        if one.author is not self._caller(call):
            raise ApiError(403, "Only its author may change a comment")
        self._talk.edit(one, one.author, body)
        return JSONResponse(objects_talk.comment(self._world, one))

    def show(self, call: Call) -> Response:
        return JSONResponse(objects_talk.comment(self._world, self._comment(call)))

    def of_issue(self, call: Call) -> Response:
        found = [
            objects_talk.comment(self._world, each)
            for each in self._world.comments
            if each.repo is call.repo and each.issue == call.params["number"] and each.line is None
        ]
        return paged(call, found)

    def reactions(self, call: Call) -> Response:
        found = [
            objects_talk.reaction(self._world, number, content, person)
            for (account, content), number in self._comment(call).reactions.items()
            for person in self._world.accounts
            if person.id == account
        ]
        return paged(call, found)

    def react(self, call: Call) -> Response:
        return self._react(call, self._comment(call))

    def react_to_review(self, call: Call) -> Response:
        return self._react(call, self._comment(call, review=True))

    def unreact(self, call: Call) -> Response:
        one = self._comment(call)
        for key, number in one.reactions.items():
            if number == call.params["reaction"]:
                del one.reactions[key]
                return Response(status_code=204)
        raise ApiError(404, "Not Found")

    def _react(self, call: Call, one: Comment) -> Response:
        self._issue(call, one.issue)
        bot, content = self._caller(call), read(ReactionBody, call).content
        status = 200 if (bot.id, content) in one.reactions else 201
        number = one.reactions.setdefault((bot.id, content), self._world.new_id())
        return JSONResponse(objects_talk.reaction(self._world, number, content, bot), status)

    def _caller(self, call: Call) -> Account:
        return call.account or self._world.app.bot

    def _comment(self, call: Call, *, review: bool = False) -> Comment:
        for one in self._world.comments:
            if one.repo is call.repo and one.id == call.params["id"] and (one.line is not None) == review:
                return one
        raise ApiError(404, "Not Found")

    def _issue(self, call: Call, number: int) -> Issue | Pull:
        """For writing there. Raises: ApiError."""
        found = self._world.issue(call.repo, number)
        if found is None:
            raise ApiError(404, "Not Found")
        if found.locked:
            raise ApiError(403, "Unable to create comment because issue is locked.")
        return found
