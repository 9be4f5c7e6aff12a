"""What was sent to a webhook, the App's or a repository's, as GitHub lists it: newest first, paged by a cursor."""

from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from bot.demo.forge.calls import ApiError, Call
from bot.demo.forge.hooks import Delivery, Hooks
from bot.demo.forge.state import RepoHook, World


def sent_at(hooks: Hooks, hook: RepoHook | None) -> list[Delivery]:
    """None: the App's. Newest first."""
    return [each for each in reversed(hooks.sent) if each.hook is hook]


def listed(world: World, call: Call, newest_first: list[Delivery]) -> Response:
    if status := call.query.get("status"):
        newest_first = [each for each in newest_first if each.arrived == (status == "success")]
    cursor, size = call.query.get("cursor", "").removeprefix("v1_"), int(call.query.get("per_page", "30"))
    rows = [each for each in newest_first if not cursor or each.id <= int(cursor)]
    more = rows[size].id if len(rows) > size else None
    link = f'<{call.url}?{urlencode({**call.query, "cursor": f"v1_{more}"})}>; rel="next"'
    return JSONResponse([_row(world, each) for each in rows[:size]], headers={"Link": link} if more else {})


def details(world: World, call: Call, sent: list[Delivery]) -> Response:
    for found in sent:
        if found.id == call.params["id"]:
            more = {
                "url": found.hook.config["url"] if found.hook else world.app.webhook_url,
                "request": {"headers": found.headers, "payload": found.payload},
                "response": {"headers": {}, "payload": found.answer},
            }
            return JSONResponse({**_row(world, found), **more})
    raise ApiError(404, "Not Found")


def _row(world: World, one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "guid": one.guid,
        "delivered_at": world.iso(one.delivered_at),
        "redelivery": one.redelivery,
        "duration": one.duration,
        "status": "OK" if one.arrived else one.answer[:80] or "failed",
        "status_code": one.status_code,
        "event": one.event,
        "action": one.action,
        "installation_id": one.payload.get("installation", {}).get("id"),
        "repository_id": one.payload.get("repository", {}).get("id"),
        "throttled_at": None,
    }
