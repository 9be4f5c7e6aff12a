"""The small page that shows the pretend forge to people: pull requests, checks and comments, and ways to act."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from bot.demo.forge import markdown
from bot.demo.forge.calls import Call
from bot.demo.forge.pressing import Pressing
from bot.demo.forge.state import CheckRun, Comment, Pull, World
from bot.demo.forge.talk import Talk

SIGNS: Final = {
    "queued": "◷",
    "in_progress": "▸",
    "success": "✓",
    "failure": "✗",
    "neutral": "‖",
    "cancelled": "⊘",
    "skipped": "↷",
    "timed_out": "⏱",
    "action_required": "‖",
}
FACES: Final = {
    "+1": "👍",
    "-1": "👎",
    "laugh": "😄",
    "confused": "😕",
    "heart": "♥",
    "hooray": "🎉",
    "rocket": "🚀",
    "eyes": "👀",
}
_UNFOLDED: Final = ("failure", "timed_out", "action_required")
_RANKS: Final = {"write": 0, "maintain": 1, "admin": 2, "triage": 3, "read": 4, "none": 5}
_PULL: Final = re.compile(r"^/[^/]+/[^/]+/pull/(\d+)$")
_RUN: Final = re.compile(r"^/[^/]+/[^/]+/runs/(\d+)$")
_PRESS: Final = re.compile(r"^/press/([a-z]+)$")


@dataclass(frozen=True, slots=True)
class FrontButton:
    label: str
    act: Callable[[], object]


@dataclass(frozen=True, slots=True)
class PullButton:
    """Stands under every open pull request."""

    label: str
    act: Callable[[Pull], object]


Button = FrontButton | PullButton


@dataclass(frozen=True, slots=True)
class Row:
    """One pull request and what belongs to it."""

    pull: Pull
    runs: list[CheckRun]
    comments: list[Comment]
    unfolded: set[int]
    """The check runs whose texts are shown at once: the one that was asked for, else those that went wrong."""
    people: dict[str, str]
    """Who may be played here: login to role. First comes somebody who may write, if there is anybody."""


class Page:
    def __init__(self, world: World, buttons: Mapping[str, Button], talk: Talk, pressing: Pressing) -> None:
        self._world = world
        self._buttons = buttons
        self._talk = talk
        self._pressing = pressing
        loader = PackageLoader("bot.demo.forge")
        self._pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self._pages.filters["markdown"] = markdown.render

    def answer(self, call: Call) -> Response:
        if call.method == "POST":
            return self._press(call)
        with self._world.lock:
            return self._show(call.path)

    def _press(self, call: Call) -> Response:
        if call.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return PlainTextResponse("Buttons work from this page only.", 403)
        form = dict(parse_qsl(call.body.decode(errors="replace")))
        if call.path == "/steer":
            with self._world.lock:
                self._steer(form)
            return RedirectResponse("/", 303)
        found = _PRESS.match(call.path)
        button = self._buttons.get(found[1]) if found else None
        if button is None:
            return PlainTextResponse("There is no such button.", 404)
        match button:
            case FrontButton():
                button.act()
            case PullButton():
                for pull in [each for each in self._world.pulls if each.is_open and str(each.id) == form.get("pull")]:
                    button.act(pull)
        return RedirectResponse("/", 303)

    def _steer(self, form: Mapping[str, str]) -> None:
        """Comment, or press a button of a check, as the person that was chosen; what is not there does nothing."""
        person = self._world.account(form.get("by", ""))
        if person is None:
            return
        number, _, identifier = form.get("check", "").partition(":")
        for run in [each for each in self._world.checks if str(each.id) == number]:
            if not identifier:
                self._pressing.rerequest(run, person)
            elif identifier in [each["identifier"] for each in run.actions]:
                self._pressing.press(run, identifier, person)
        for pull in [each for each in self._world.pulls if str(each.id) == form.get("pull") and not number]:
            if form.get("body"):
                self._talk.comment(pull, person, form["body"])

    def _show(self, path: str) -> Response:
        if path == "/style.css":
            return Response(self._pages.get_template("style.css").render(), media_type="text/css")
        pulls = [each for each in reversed(self._world.pulls) if _wanted(self._world, path, each)]
        if path != "/" and not pulls:
            return PlainTextResponse("There is nothing here. The front page is /", 404)
        rows = [self._row(each, path) for each in pulls]
        busy = any(run.status != "completed" for row in rows if row.pull.is_open for run in row.runs)
        page = self._pages.get_template("page.html")
        text = page.render(
            rows=rows,
            busy=busy,
            front_buttons={name: each for name, each in self._buttons.items() if isinstance(each, FrontButton)},
            pull_buttons={name: each for name, each in self._buttons.items() if isinstance(each, PullButton)},
            signs=SIGNS,
            faces=FACES,
            repos=self._world.repos,
            front=path == "/",
        )
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})

    def _row(self, pull: Pull, path: str) -> Row:
        world, repo = self._world, pull.repo
        runs = world.latest_checks(repo, pull.head_sha)
        comments = [each for each in world.comments if each.repo is repo and each.issue == pull.number]
        known = [each for each in world.accounts if each.id in repo.roles or each in (repo.owner, pull.author)]
        people = sorted((each for each in known if each.kind == "User"), key=lambda each: _RANKS[repo.role(each)])
        roles = {each.login: repo.role(each) for each in people}
        asked = _RUN.match(path)
        unfolded = {int(asked[1])} if asked else {run.id for run in runs if run.conclusion in _UNFOLDED}
        return Row(pull, runs, comments, unfolded, roles)


def _wanted(world: World, path: str, pull: Pull) -> bool:
    if found := _PULL.match(path):
        return path.startswith(f"/{pull.repo.path}/") and pull.number == int(found[1])
    if found := _RUN.match(path):
        return any(run.id == int(found[1]) for run in world.latest_checks(pull.repo, pull.head_sha))
    return path in ("/", f"/{pull.repo.path}")
