"""The bodies that GitHub takes, as strict models: unknown keys, wrong types and broken limits are refused."""

import json
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.demo.forge.calls import ApiError, Call

MAX_TEXT: Final = 65_535
MAX_MESSAGE: Final = 64 * 1024
COMPLETED: Final = "completed"


def _within(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text.encode()) > limit:
            raise ValueError(f"exceeds a maximum bytesize of {limit}")
        return text

    return AfterValidator(check)


Text = Annotated[str, _within(MAX_TEXT)]
Message = Annotated[str, _within(MAX_MESSAGE)]
Title = Annotated[str, Field(min_length=1, max_length=255)]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Address = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
Line = Annotated[int, Field(ge=1)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Annotation(Body):
    path: Annotated[str, Field(min_length=1)]
    start_line: Line
    end_line: Line
    start_column: Line | None = None
    end_column: Line | None = None
    annotation_level: Literal["notice", "warning", "failure"]
    message: Annotated[Message, Field(min_length=1)]
    title: Annotated[str, Field(max_length=255)] = ""
    raw_details: Message = ""

    @model_validator(mode="after")
    def _columns(self) -> "Annotation":
        if self.end_line < self.start_line:
            raise ValueError("end_line must not be before start_line")
        if (self.start_column or self.end_column) and self.start_line != self.end_line:
            raise ValueError("columns need start_line and end_line to be the same")
        return self


class Image(Body):
    alt: str
    image_url: Address
    caption: str = ""


class Output(Body):
    title: Title
    summary: Text
    text: Text = ""
    annotations: Annotated[list[Annotation], Field(max_length=50)] = []
    images: list[Image] = []


class Action(Body):
    label: Annotated[str, Field(min_length=1, max_length=20)]
    description: Annotated[str, Field(min_length=1, max_length=40)]
    identifier: Annotated[str, Field(min_length=1, max_length=20)]


class CheckUpdate(Body):
    name: Annotated[str, Field(min_length=1, max_length=100)] = ""
    details_url: Address = ""
    external_id: str = ""
    status: Literal["queued", "in_progress", "completed"] | None = None
    started_at: Moment = ""
    completed_at: Moment = ""
    conclusion: (
        Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"] | None
    ) = None
    output: Output | None = None
    actions: Annotated[list[Action], Field(max_length=3)] = []

    @model_validator(mode="after")
    def _complete(self) -> "CheckUpdate":
        if nulls := [name for name in self.model_fields_set if getattr(self, name) is None]:
            raise ValueError(f"nil is not allowed for {', '.join(nulls)}")
        if self.conclusion is None and (self.status == COMPLETED or self.completed_at):
            raise ValueError("a completed check run needs a conclusion")
        if self.conclusion and self.status not in (None, COMPLETED):
            raise ValueError("a conclusion means completed")
        return self


class CheckCreate(CheckUpdate):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    head_sha: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class StatusCreate(Body):
    state: Literal["error", "failure", "pending", "success"]
    target_url: Address | None = None
    description: Annotated[str, Field(max_length=140)] | None = None
    context: str = "default"


class TokenCreate(Body):
    repositories: list[str] | None = None
    repository_ids: Annotated[list[int], Field(max_length=500)] | None = None
    permissions: dict[str, Literal["read", "write", "admin"]] | None = None


class CommentBody(Body):
    body: Annotated[str, Field(min_length=1, max_length=65_536)]


class ReactionBody(Body):
    content: Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


class HookConfig(Body):
    url: Address
    content_type: Literal["json", "form"] = "form"
    insecure_ssl: Literal["0", "1"] = "0"
    secret: str = ""


class HookUpdate(Body):
    active: bool = True
    events: list[str] = []
    config: HookConfig | None = None


class HookCreate(HookUpdate):
    name: Literal["web"]
    config: HookConfig


class SuiteCreate(Body):
    head_sha: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class RefCreate(Body):
    ref: Annotated[str, Field(pattern=r"^refs/heads/[^\s~^:?*\\\[]+$")]
    sha: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class FileWrite(Body):
    message: Annotated[str, Field(min_length=1)]
    content: str
    branch: str


class PullCreate(Body):
    title: Annotated[str, Field(min_length=1)]
    head: Annotated[str, Field(min_length=1)]
    base: Annotated[str, Field(min_length=1)]
    body: Text = ""


Model = TypeVar("Model", bound=Body)


def read(model: type[Model], call: Call) -> Model:
    """The request's body as the model; an empty body counts as `{}`.

    Raises:
        ApiError: 400 for what is no JSON object, 422 for one that breaks a rule.
    """
    if not isinstance(_parsed(call.body), dict):
        raise ApiError(400, "Body should be a JSON object")
    try:
        return model.model_validate_json(call.body or b"{}")
    except ValidationError as error:
        problems = [_problem(each) for each in error.errors(include_url=False, include_context=False)]
        text = "; ".join(f"{each['field']}: {each['message']}" for each in problems)
        raise ApiError(422, f"Invalid request.\n\n{text}", *problems) from error


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError(400, "Problems parsing JSON") from error


def _problem(error: Any) -> dict[str, str]:  # noqa: ANN401  # pydantic's own record, a loose mapping
    field = ".".join(str(part) for part in error["loc"])
    missing = error["type"] == "missing"
    return {"field": field, "code": "missing_field" if missing else "invalid", "message": error["msg"]}
