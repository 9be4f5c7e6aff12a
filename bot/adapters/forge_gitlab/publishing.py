"""Bringing a check to GitLab: each state once, where people see it, and in a note where statuses can't stand."""

from typing import Any

from bot.adapters.forge_gitlab.client import Client, name, project
from bot.adapters.forge_gitlab.places import Place, Shown, places_of, read_shown
from bot.adapters.forge_gitlab.statuses import body_of, is_news, is_there_already, refused_from, shows, state_of
from bot.adapters.forge_gitlab.summary import summarize
from bot.domain.checks import AGGREGATE, Check, CheckStatus
from bot.domain.errors import ForgeUnavailable, Gone, NotAllowed, Refused
from bot.domain.refs import Repository
from bot.foreign.fields import Fields
from bot.foreign.pacing import urgency


def publish(client: Client, repository: Repository, check: Check, ref: str | None, *, again: bool) -> str:
    """As Forge.publish; what it gives is a `Shown`."""
    state = state_of(check)
    before = read_shown(ref) if ref else None
    if before and not is_news(state, before.state):
        return str(before)
    places = _places(client, repository, check, before)
    place, state = _put(client, check, state, places, again=again)
    note = before.note if before else 0
    if _needs_note(check, place):
        note = summarize(client, repository, check, note)
    return str(Shown(place, state, note))


def _places(client: Client, repository: Repository, check: Check, before: Shown | None) -> list[Place]:
    """A check stays where it was put first."""
    if before is None:
        return places_of(client, repository, check)
    return [before.place] if before.place else []


def _needs_note(check: Check, place: Place | None) -> bool:
    """One note speaks for all suites, and only of what has come to an end or waits for somebody."""
    if check.change is None or (place is not None and place.in_change):
        return False
    return check.name == AGGREGATE and check.status is CheckStatus.COMPLETED and not check.quiet


def _put(client: Client, check: Check, state: str, places: list[Place], *, again: bool) -> tuple[Place | None, str]:
    """Where it stands and as what. Nowhere: for a change from a fork a note can say it, if one may."""
    refusal: Refused | None = None
    for place in places:
        try:
            return place, _post(client, check, state, place, again=again)
        except (NotAllowed, Gone) as error:
            refusal = error
    if refusal and (check.quiet or all(place.in_change for place in places)):
        raise refusal
    return None, state


def _post(client: Client, check: Check, state: str, place: Place, *, again: bool) -> str:
    """The state that the status is in then."""
    body = body_of(check, state, place.ref, place.pipeline)
    if again and _newest(client, check, place, body):
        return state
    client.reserve(place.project, urgency(check, is_new=check.status is CheckStatus.QUEUED))
    path = f"{project(place.project)}/statuses/{check.sha}"
    try:
        client.write(place.project, "post", path, body, once=True)
    except (NotAllowed, Gone):
        raise
    except Refused as error:
        return _judge(client, check, state, place, error)
    return state


def _judge(client: Client, check: Check, state: str, place: Place, error: Refused) -> str:
    current = refused_from(str(error))
    if current and is_there_already(state, current):
        return current
    if state == "skipped":
        # A status that runs can't be skipped any more; its words say it.
        return _post(client, check, "success", place, again=False)
    raise error


def _newest(client: Client, check: Check, place: Place, body: dict[str, Any]) -> bool:
    """Does the newest status of that name look as it should: then a lost answer was a good one."""
    path = f"{project(place.project)}/repository/commits/{name(check.sha)}/statuses"
    wanted = {"name": check.name, "ref": place.ref, "per_page": 100}
    found = client.get(path, **wanted)
    if not isinstance(found, list):
        raise ForgeUnavailable("an answer without a list of statuses")
    ours = [one for one in found if isinstance(one, dict) and _author(one) == client.me()]
    return bool(ours) and shows(max(ours, key=_number), body)


def _author(status: dict[str, Any]) -> int:
    author = Fields(status.get("author"))
    return author.number("id") if author.knows("id") else 0


def _number(status: dict[str, Any]) -> int:
    found = status.get("id")
    return found if isinstance(found, int) else 0
