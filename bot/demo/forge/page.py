"""The small page that shows the pretend forge to people: pull requests, their checks, and buttons to act."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from bot.demo.forge.calls import Call
from bot.demo.forge.state import CheckRun, Pull, World

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


class Page:
    def __init__(self, world: World, buttons: Mapping[str, Button]) -> None:
        self._world = world
        self._buttons = buttons
        loader = PackageLoader("bot.demo.forge")
        self._pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)

    def answer(self, call: Call) -> Response:
        if call.method == "POST":
            return self._press(call)
        with self._world.lock:
            return self._show(call.path)

    def _press(self, call: Call) -> Response:
        found = _PRESS.match(call.path)
        button = self._buttons.get(found[1]) if found else None
        if button is None:
            return PlainTextResponse("There is no such button.", 404)
        if call.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return PlainTextResponse("Buttons work from this page only.", 403)
        match button:
            case FrontButton():
                button.act()
            case PullButton():
                number = parse_qs(call.body.decode(errors="replace")).get("pull", [""])[0]
                for pull in [each for each in self._world.pulls if each.is_open and str(each.id) == number]:
                    button.act(pull)
        return RedirectResponse("/", 303)

    def _show(self, path: str) -> Response:
        if path == "/style.css":
            return Response(self._pages.get_template("style.css").render(), media_type="text/css")
        pulls = [each for each in reversed(self._world.pulls) if _wanted(self._world, path, each)]
        if path != "/" and not pulls:
            return PlainTextResponse("There is nothing here. The front page is /", 404)
        rows = [(each, latest(self._world, each)) for each in pulls]
        busy = any(run.status != "completed" for pull, runs in rows if pull.is_open for run in runs)
        page = self._pages.get_template("page.html")
        text = page.render(
            rows=rows,
            busy=busy,
            front_buttons={name: each for name, each in self._buttons.items() if isinstance(each, FrontButton)},
            pull_buttons={name: each for name, each in self._buttons.items() if isinstance(each, PullButton)},
            signs=SIGNS,
            repos=self._world.repos,
            front=path == "/",
        )
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})


def latest(world: World, pull: Pull) -> list[CheckRun]:
    """The newest check run of each name on the pull request's head, in the order of their names."""
    found = {run.name: run for run in world.checks if run.repo is pull.repo and run.sha == pull.head_sha}
    return [found[name] for name in sorted(found)]


def _wanted(world: World, path: str, pull: Pull) -> bool:
    if found := _PULL.match(path):
        return path.startswith(f"/{pull.repo.path}/") and pull.number == int(found[1])
    if found := _RUN.match(path):
        return any(run.id == int(found[1]) for run in latest(world, pull))
    return path in ("/", f"/{pull.repo.path}")
