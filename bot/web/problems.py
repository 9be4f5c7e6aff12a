"""How the API says that something went wrong: problem details of RFC 9457, with a code for programs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import JSONResponse

PROBLEM: Final = "application/problem+json"
_MET: Final = "application/json"
_ERRORS: Final = 400


class Place(BaseModel):
    at: list[str]
    message: str


class Fault(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    code: str
    """One of a few words, for programs."""
    problems: list[Place] | None = None
    """What of the request is not valid."""


def problem_facts(status: int, code: str, detail: str, **more: object) -> dict[str, object]:
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, **more}


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    return JSONResponse(problem_facts(status, code, detail, **more), status, headers, PROBLEM)


def say_not_modified(document: dict[str, Any]) -> dict[str, Any]:
    """What `bot.web.tags` answers, whatever the endpoint."""
    reads = [path["get"] for path in document["paths"].values() if "get" in path]
    for one in reads:
        if _MET in one["responses"].get("200", {}).get("content", {}):
            one["responses"]["304"] = {"description": "Nothing has changed since the answer with that ETag"}
    return document


def say_media_type(document: dict[str, Any]) -> dict[str, Any]:
    """Let the OpenAPI document name the media type of errors, for which FastAPI has no place."""
    operations = [one for path in document["paths"].values() for one in path.values()]
    for status, response in [pair for one in operations for pair in one["responses"].items()]:
        if int(status) >= _ERRORS and _MET in response.get("content", {}):
            response["content"] = {PROBLEM: response["content"].pop(_MET)}
    return document
