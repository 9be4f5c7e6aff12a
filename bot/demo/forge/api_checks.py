"""Endpoints of check runs, check suites and commit statuses (FORGES §1.4, §1.5)."""

import json
from typing import Final

from starlette.responses import JSONResponse, Response

from bot.demo.forge import objects_checks
from bot.demo.forge.bodies import COMPLETED, CheckCreate, CheckUpdate, StatusCreate, SuiteCreate, read
from bot.demo.forge.calls import ApiError, Call, paged
from bot.demo.forge.pressing import Pressing
from bot.demo.forge.state import CheckRun, CommitStatus, Repo, World

MAX_STATUSES: Final = 1000
_PLAIN: Final = ("name", "details_url", "external_id", "started_at")


class ChecksApi:
    def __init__(self, world: World, pressing: Pressing) -> None:
        self._world = world
        self._pressing = pressing

    def create(self, call: Call) -> Response:
        body = read(CheckCreate, call)
        self._must_exist(call.repo, body.head_sha)
        one = CheckRun(
            id=self._world.new_id(),
            suite=self._world.suite(call.repo, body.head_sha).id,
            repo=call.repo,
            sha=body.head_sha,
            name=body.name,
            details_url=f"{self._world.url}/apps/{self._world.app.slug}",
        )
        self._apply(one, body, call)
        self._world.checks.append(one)
        self._pressing.made(one)
        if one.status == COMPLETED:
            self._pressing.completed(one)
        return JSONResponse(objects_checks.check_run(self._world, one), 201)

    def update(self, call: Call) -> Response:
        one, body = self._check(call), read(CheckUpdate, call)
        before = one.status
        if before == COMPLETED:
            _stays_completed(one, body)
        self._apply(one, body, call)
        if before != one.status == COMPLETED:
            self._pressing.completed(one)
        return JSONResponse(objects_checks.check_run(self._world, one))

    def show(self, call: Call) -> Response:
        return JSONResponse(objects_checks.check_run(self._world, self._check(call)))

    def annotations(self, call: Call) -> Response:
        return paged(call, self._check(call).annotations)

    def of_commit(self, call: Call) -> Response:
        query = call.query
        sha = self._world.commit_of(call.repo, call.params["ref"])
        if sha is None:
            raise ApiError(422, f"No commit found for SHA: {call.params['ref']}")
        found = [
            each
            for each in reversed(self._world.checks)
            if each.repo is call.repo
            and each.sha == sha
            and query.get("check_name", each.name) == each.name
            and query.get("status", each.status) == each.status
            and query.get("app_id", str(self._world.app.id)) == str(self._world.app.id)
        ]
        if query.get("filter", "latest") == "latest":
            # The dict keeps a name's last value: go from the oldest to the newest.
            found = list({each.name: each for each in reversed(found)}.values())
        return paged(call, [objects_checks.check_run(self._world, each) for each in found], "check_runs")

    def create_suite(self, call: Call) -> Response:
        sha = read(SuiteCreate, call).head_sha
        self._must_exist(call.repo, sha)
        known = self._world.has_suite(call.repo, sha)
        suite = self._world.suite(call.repo, sha)
        return JSONResponse(objects_checks.suite(self._world, suite), 200 if known else 201)

    def create_status(self, call: Call) -> Response:
        body, sha = read(StatusCreate, call), call.params["sha"]
        self._must_exist(call.repo, sha)
        context = body.context.lower()
        same = [each for each in self._world.statuses if (each.sha, each.context.lower()) == (sha, context)]
        if len(same) >= MAX_STATUSES:
            raise ApiError(422, "This SHA and context has reached the maximum number of statuses.")
        one = CommitStatus(
            id=self._world.new_id(),
            repo=call.repo,
            sha=sha,
            state=body.state,
            context=body.context,
            description=body.description,
            target_url=body.target_url,
        )
        self._world.statuses.append(one)
        return JSONResponse(objects_checks.status(self._world, one), 201)

    def statuses_of(self, call: Call) -> Response:
        sha = self._world.commit_of(call.repo, call.params["ref"])
        found = [each for each in reversed(self._world.statuses) if each.repo is call.repo and each.sha == sha]
        return paged(call, [objects_checks.status(self._world, each) for each in found])

    def _check(self, call: Call) -> CheckRun:
        for one in self._world.checks:
            if one.repo is call.repo and one.id == call.params["id"]:
                return one
        raise ApiError(404, "Not Found")

    def _must_exist(self, repo: Repo, sha: str) -> None:
        if self._world.commit_of(repo, sha) is None:
            raise ApiError(422, f"No commit found for SHA: {sha}")

    def _apply(self, one: CheckRun, body: CheckUpdate, call: Call) -> None:
        for name in body.model_fields_set.intersection(_PLAIN):
            setattr(one, name, getattr(body, name))
        if body.conclusion:
            one.status, one.conclusion = COMPLETED, body.conclusion
            one.completed_at = body.completed_at or self._world.iso()
        elif body.status:
            one.status = body.status
        if one.status != "queued":
            one.started_at = one.started_at or self._world.iso()
        if body.output:
            one.title, one.summary = body.output.title, body.output.summary
            one.text = body.output.text if "text" in body.output.model_fields_set else one.text
            one.annotations += [each.model_dump(exclude_unset=True) for each in body.output.annotations]
        if "actions" in body.model_fields_set:
            one.actions = [each.model_dump() for each in body.actions]
        one.history.append({**json.loads(call.body), "at": self._world.now(), "method": call.method})


def _stays_completed(one: CheckRun, body: CheckUpdate) -> None:
    """GitHub ignores the wish to go back; here it is refused, so that nobody relies on it."""
    if body.status not in (None, COMPLETED) or body.conclusion not in (None, one.conclusion):
        raise ApiError(422, f"Check run {one.id} is completed as {one.conclusion}; it can't change any more")
