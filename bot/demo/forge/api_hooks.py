"""Endpoints of repositories' webhooks and of what was sent to them (FORGES §1.1)."""

from starlette.responses import JSONResponse, Response

from bot.demo.forge.bodies import HookCreate, HookUpdate, read
from bot.demo.forge.calls import ApiError, Call, paged
from bot.demo.forge.deliveries import details, listed, sent_at
from bot.demo.forge.hooks import Hooks
from bot.demo.forge.state import RepoHook, World
from bot.demo.forge.telling import Telling

_HIDDEN = "********"


class HooksApi:
    def __init__(self, world: World, hooks: Hooks, telling: Telling) -> None:
        self._world = world
        self._hooks = hooks
        self._telling = telling

    def all(self, call: Call) -> Response:
        return paged(call, [self._shown(each) for each in self._world.hooks if each.repo is call.repo])

    def create(self, call: Call) -> Response:
        body = read(HookCreate, call)
        if any(each.repo is call.repo and each.config["url"] == body.config.url for each in self._world.hooks):
            raise ApiError(422, "Validation Failed", {"resource": "Hook", "message": "Hook already exists"})
        one = RepoHook(
            id=self._world.new_id(), repo=call.repo, config=body.config.model_dump(), events=list(body.events)
        )
        one.active = body.active
        self._world.hooks.append(one)
        self._telling.ping_hook(one)
        return JSONResponse(self._shown(one), 201)

    def show(self, call: Call) -> Response:
        return JSONResponse(self._shown(self._hook(call)))

    def update(self, call: Call) -> Response:
        """A config is taken whole: what is left out of it is gone."""
        one, body = self._hook(call), read(HookUpdate, call)
        one.config = body.config.model_dump() if body.config else one.config
        one.events = list(body.events or one.events)
        one.active = body.active
        return JSONResponse(self._shown(one))

    def delete(self, call: Call) -> Response:
        self._world.hooks.remove(self._hook(call))
        return Response(status_code=204)

    def ping(self, call: Call) -> Response:
        self._telling.ping_hook(self._hook(call))
        return Response(status_code=204)

    def deliveries(self, call: Call) -> Response:
        return listed(self._world, call, sent_at(self._hooks, self._hook(call)))

    def delivery(self, call: Call) -> Response:
        return details(self._world, call, sent_at(self._hooks, self._hook(call)))

    def redeliver(self, call: Call) -> Response:
        found = [each for each in sent_at(self._hooks, self._hook(call)) if each.id == call.params["id"]]
        if not found:
            raise ApiError(404, "Not Found")
        self._hooks.send_again(found[0])
        return JSONResponse({}, 202)

    def _hook(self, call: Call) -> RepoHook:
        for one in self._world.hooks:
            if one.repo is call.repo and one.id == call.params["hook"]:
                return one
        raise ApiError(404, "Not Found")

    def _shown(self, one: RepoHook) -> dict[str, object]:
        sent = sent_at(self._hooks, one)
        last = {"code": sent[0].status_code or None, "status": "", "message": sent[0].answer[:100]} if sent else {}
        return {
            "type": "Repository",
            "id": one.id,
            "name": "web",
            "active": one.active,
            "events": one.events,
            "config": {**one.config, "secret": _HIDDEN},
            "last_response": last or {"code": None, "status": "unused", "message": None},
        }
