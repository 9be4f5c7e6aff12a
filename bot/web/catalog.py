"""The REST API, suites and environments that are registered here, besides those of suite files."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse

from bot.app import access, cataloguing
from bot.app.catalog import Draft
from bot.app.cataloguing import Stale
from bot.app.queries import Viewer
from bot.domain.catalog import Entry, Kind
from bot.domain.tokens import Scope
from bot.web.door import Looking, faults
from bot.web.problems import problem
from bot.web.site import site_of

router = APIRouter(responses=faults(400, 401, 403, 404, 408, 413, 422, 503), tags=["resources"])

_MOST: Final = 2**31 - 1
_TAG: Final = re.compile(r'\s*(?:W/)?"([0-9]{1,9})"\s*')
Key = Annotated[str, Path(pattern="^[0-9A-Za-z_-]{1,64}$", description="Its id")]
Version = Annotated[int | None, Query(ge=1, le=_MOST, description="An older one; without it the newest")]
Seen = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The ETag that was read: nothing newer is overwritten"),
]
Parts = dict[str, JsonValue]
_CHANGED: Final = faults(409, 412, 428)


class SuiteOrder(BaseModel):
    """A suite in the words of the suite file."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, examples=["unit"])
    suite: Parts = Field(
        description="As below `suites: NAME:`, without `environment`, which is chosen with the run",
        examples=[{"image": "busybox:1", "run": ["sh tests/run.sh"], "timeout": "5m"}],
    )
    services: Parts | None = Field(None, description="As `services:`, for those that the suite names")
    notify: list[Parts] | None = Field(None, description="As `notify:`: the channels that are told how it ends")

    def draft(self) -> Draft:
        parts = {"suite": self.suite, "services": self.services, "notify": self.notify}
        return Draft(self.name, {name: part for name, part in parts.items() if part is not None})


class EnvironmentOrder(BaseModel):
    """An environment in the words of the suite file."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, examples=["python"])
    environment: Parts = Field(
        description="As below `environments: NAME:`", examples=[{"image": "python:3.12-slim", "memory": "1GiB"}]
    )

    def draft(self) -> Draft:
        return Draft(self.name, {"environment": self.environment})


class EntryFacts(BaseModel):
    id: str
    name: str
    version: int
    """From 1; a version never changes."""
    created_at: datetime
    changed_at: datetime
    changed_by: str
    removed: bool
    """Nothing new starts with it; it stays for what ran."""


class RegisteredSuite(EntryFacts):
    suite: Parts
    services: Parts | None
    notify: list[Parts] | None


class RegisteredEnvironment(EntryFacts):
    environment: Parts


class SuiteVersions(BaseModel):
    versions: list[RegisteredSuite]


class EnvironmentVersions(BaseModel):
    versions: list[RegisteredEnvironment]


@router.post("/suites", status_code=201, responses=_CHANGED, response_model=RegisteredSuite)
def register_suite(request: Request, viewer: Looking, wanted: SuiteOrder) -> Response:
    """Register a suite, to be run by its id. The scope suites:write."""
    return _made(request, cataloguing.register(site_of(request).app, viewer, Kind.SUITE, wanted.draft()))


@router.get("/suites/{id}", response_model=RegisteredSuite)
def show_suite(request: Request, viewer: Looking, id: Key, version: Version = None) -> Response:  # noqa: A002  # the document's word
    """A registered suite: its newest version, or one that was."""
    return _answer(cataloguing.entry(site_of(request).reader, viewer, Kind.SUITE, id, version))


@router.get("/suites/{id}/versions")
def list_suite_versions(request: Request, viewer: Looking, id: Key) -> SuiteVersions:  # noqa: A002  # as above
    """All versions of a registered suite, oldest first, also of one that was removed."""
    found = cataloguing.versions(site_of(request).reader, viewer, Kind.SUITE, id)
    return SuiteVersions(versions=[suite_facts(one) for one in found])


@router.put("/suites/{id}", responses=_CHANGED, response_model=RegisteredSuite)
def change_suite(request: Request, viewer: Looking, id: Key, wanted: SuiteOrder, seen: Seen = None) -> Response:  # noqa: A002  # as above
    """Make a new version; what ran keeps the old one. Needs If-Match. The scope suites:write."""
    return _change(request, viewer, Kind.SUITE, id, wanted.draft(), seen)


@router.delete("/suites/{id}", status_code=204, responses=faults(412))
def remove_suite(request: Request, viewer: Looking, id: Key, seen: Seen = None) -> Response:  # noqa: A002  # as above
    """Remove it: nothing new starts with it. The scope suites:write."""
    cataloguing.remove(site_of(request).app, viewer, Kind.SUITE, id, _version(seen))
    return Response(status_code=204)


@router.post("/environments", status_code=201, responses=_CHANGED, response_model=RegisteredEnvironment)
def register_environment(request: Request, viewer: Looking, wanted: EnvironmentOrder) -> Response:
    """Register an environment, for suites that name no image. The scope suites:write."""
    return _made(request, cataloguing.register(site_of(request).app, viewer, Kind.ENVIRONMENT, wanted.draft()))


@router.get("/environments/{id}", response_model=RegisteredEnvironment)
def show_environment(request: Request, viewer: Looking, id: Key, version: Version = None) -> Response:  # noqa: A002  # as above
    """A registered environment: its newest version, or one that was."""
    return _answer(cataloguing.entry(site_of(request).reader, viewer, Kind.ENVIRONMENT, id, version))


@router.get("/environments/{id}/versions")
def list_environment_versions(request: Request, viewer: Looking, id: Key) -> EnvironmentVersions:  # noqa: A002  # as above
    """All versions of a registered environment, oldest first, also of one that was removed."""
    found = cataloguing.versions(site_of(request).reader, viewer, Kind.ENVIRONMENT, id)
    return EnvironmentVersions(versions=[environment_facts(one) for one in found])


@router.put("/environments/{id}", responses=_CHANGED, response_model=RegisteredEnvironment)
def change_environment(
    request: Request,
    viewer: Looking,
    id: Key,  # noqa: A002  # as above
    wanted: EnvironmentOrder,
    seen: Seen = None,
) -> Response:
    """Make a new version; what ran keeps the old one. Needs If-Match. The scope suites:write."""
    return _change(request, viewer, Kind.ENVIRONMENT, id, wanted.draft(), seen)


@router.delete("/environments/{id}", status_code=204, responses=faults(412))
def remove_environment(request: Request, viewer: Looking, id: Key, seen: Seen = None) -> Response:  # noqa: A002  # as above
    """Remove it: nothing new starts with it. The scope suites:write."""
    cataloguing.remove(site_of(request).app, viewer, Kind.ENVIRONMENT, id, _version(seen))
    return Response(status_code=204)


def _change(request: Request, viewer: Viewer, kind: Kind, key: str, draft: Draft, seen: str | None) -> Response:
    access.require(viewer, Scope.SUITES)
    if seen is None:
        return problem(428, "precondition_required", "say with If-Match which version was read")
    return _answer(cataloguing.change(site_of(request).app, viewer, kind, key, _version(seen), draft))


def _version(seen: str | None) -> int | None:
    """The one that If-Match names. Raises: Stale: it names none of ours."""
    if seen is None or seen.strip() == "*":
        return None
    if (tag := _TAG.fullmatch(seen)) is None:
        raise Stale("If-Match names no version")
    return int(tag[1])


def _made(request: Request, made: Entry) -> Response:
    address = f"{site_of(request).app.url}/{made.kind}s/{made.id}"
    return _answer(made, 201, {"Location": address})


def _answer(found: Entry, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    facts = suite_facts(found) if found.kind is Kind.SUITE else environment_facts(found)
    return JSONResponse(facts.model_dump(mode="json"), status, {**(headers or {}), "ETag": f'"{found.version}"'})


def suite_facts(found: Entry) -> RegisteredSuite:
    parts = json.loads(found.definition)
    more = {"services": parts.get("services"), "notify": parts.get("notify")}
    return RegisteredSuite(**_facts(found), suite=parts["suite"], **more)


def environment_facts(found: Entry) -> RegisteredEnvironment:
    return RegisteredEnvironment(**_facts(found), environment=json.loads(found.definition)["environment"])


def _facts(found: Entry) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "version": found.version,
        "created_at": datetime.fromtimestamp(found.created_at, UTC),
        "changed_at": datetime.fromtimestamp(found.changed_at, UTC),
        "changed_by": found.actor,
        "removed": found.removed,
    }
