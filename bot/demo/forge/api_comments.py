"""Endpoints of comments on pull requests and of reactions to them (FORGES §1.7)."""

from starlette.responses import JSONResponse, Response

from bot.demo.forge import objects
from bot.demo.forge.bodies import CommentBody, ReactionBody, read
from bot.demo.forge.calls import ApiError, Call, paged
from bot.demo.forge.state import Comment, World


class CommentsApi:
    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, call: Call) -> Response:
        body = read(CommentBody, call).body
        if self._world.pull(call.repo, call.params["number"]) is None:
            raise ApiError(404, "Not Found")
        now = self._world.now()
        one = Comment(
            id=self._world.new_id(),
            repo=call.repo,
            issue=call.params["number"],
            author=self._world.app.bot,
            body=body,
            created_at=now,
            updated_at=now,
        )
        self._world.comments.append(one)
        return JSONResponse(objects.comment(self._world, one), 201)

    def update(self, call: Call) -> Response:
        one, body = self._comment(call), read(CommentBody, call).body
        one.body, one.updated_at = body, self._world.now()
        return JSONResponse(objects.comment(self._world, one))

    def show(self, call: Call) -> Response:
        return JSONResponse(objects.comment(self._world, self._comment(call)))

    def of_pull(self, call: Call) -> Response:
        found = [
            objects.comment(self._world, each)
            for each in self._world.comments
            if each.repo is call.repo and each.issue == call.params["number"]
        ]
        return paged(call, found)

    def react(self, call: Call) -> Response:
        one, content = self._comment(call), read(ReactionBody, call).content
        bot = self._world.app.bot
        status = 200 if (bot.id, content) in one.reactions else 201
        number = one.reactions.setdefault((bot.id, content), self._world.new_id())
        return JSONResponse({"id": number, "content": content, "user": objects.account(self._world, bot)}, status)

    def unreact(self, call: Call) -> Response:
        one = self._comment(call)
        for key, number in one.reactions.items():
            if number == call.params["reaction"]:
                del one.reactions[key]
                return Response(status_code=204)
        raise ApiError(404, "Not Found")

    def _comment(self, call: Call) -> Comment:
        for one in self._world.comments:
            if one.repo is call.repo and one.id == call.params["id"]:
                return one
        raise ApiError(404, "Not Found")
