"""Where statuses of a commit are seen, and what was shown there last (FORGES §3.3)."""

import json
from dataclasses import asdict, dataclass
from typing import Final

from bot.adapters.forge_gitlab.client import Client, project
from bot.domain.checks import Check
from bot.domain.errors import Gone
from bot.domain.refs import Repository
from bot.foreign.fields import Fields, understood

MERGE_REQUEST: Final = "/merge_requests/"


@dataclass(frozen=True, slots=True)
class Place:
    project: int
    ref: str
    """Always given: without it GitLab takes the first branch that has the commit."""
    pipeline: int | None = None
    in_change: bool = True
    """Does the merge request show what stands there."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the reports keep for us as the check's id: a status can't be changed by its number."""

    place: Place | None
    """None: no project takes statuses from us."""
    state: str
    note: int = 0
    """The note that says it instead."""

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def read_shown(ref: str) -> Shown:
    data = json.loads(ref)
    place = Place(**data["place"]) if data["place"] else None
    return Shown(place, data["state"], data["note"])


def places_of(client: Client, repository: Repository, check: Check) -> list[Place]:
    """In the order in which they are tried: a merge request shows what stands in its source project."""
    if check.change is None:
        return [Place(repository.forge_id, check.ref)]
    change = Fields(client.get(f"{project(repository.forge_id)}{MERGE_REQUEST}{check.change}"))
    target = Place(repository.forge_id, f"refs/merge-requests/{check.change}/head", in_change=False)
    if not change.knows("source_project_id"):
        return [target]  # the fork is gone
    source = understood(lambda: _source(change, check))
    return [source] if source.project == repository.forge_id else [source, target]


def _source(change: Fields, check: Check) -> Place:
    """The pipeline that the merge request shows has the commit's statuses; one of its own has a ref of its own."""
    number, branch = change.number("source_project_id"), change.word("source_branch")
    if change.has("head_pipeline"):
        head = change.inner("head_pipeline")
        if head.text("sha", 64) == check.sha and head.data.get("project_id") == number and head.knows("ref"):
            return Place(number, head.word("ref"), head.number("id"))
    return Place(number, branch)


def head_of(client: Client, repository: Repository, change: int) -> str:
    """The commit that a merge request is at now; empty when it can't be told."""
    try:
        return Fields(client.get(f"{project(repository.forge_id)}{MERGE_REQUEST}{change}")).text("sha", 64)
    except Gone:
        return ""
