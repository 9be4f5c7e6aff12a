"""The small page that shows the pretend GitLab to people: merge requests, statuses and notes, and ways to act."""

import re
from typing import Final
from urllib.parse import parse_qsl

from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from bot.demo.forge import markdown
from bot.demo.forge.calls import Call
from bot.demo.forge.page import FACES
from bot.demo.gitlab.gitlab import PretendGitLab
from bot.demo.gitlab.state import MergeRequest, Project, Status

SIGNS: Final = {"pending": "◷", "running": "▸", "success": "✓", "failed": "✗", "canceled": "⊘", "skipped": "↷"}
STATES: Final = {
    "pending": "queued",
    "running": "in_progress",
    "success": "success",
    "failed": "failure",
    "canceled": "cancelled",
    "skipped": "skipped",
}
"""In GitHub's words."""
EMOJI: Final = {"eyes": "eyes", "thumbsup": "+1", "confused": "confused"}
_CHANGE: Final = re.compile(r"^/(.+)/-/merge_requests/(\d+)$")


class Page:
    def __init__(self, lab: PretendGitLab) -> None:
        self._lab = lab
        loader = ChoiceLoader([PackageLoader("bot.demo.gitlab"), PackageLoader("bot.demo.forge")])
        self._pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self._pages.filters["markdown"] = markdown.render

    def answer(self, call: Call) -> Response:
        if call.method == "POST":
            return self._press(call)
        if call.path == "/style.css":
            return Response(self._pages.get_template("style.css").render(), media_type="text/css")
        with self._lab.lock:
            return self._show(call.path)

    def _press(self, call: Call) -> Response:
        if call.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return PlainTextResponse("Buttons work from this page only.", 403)
        form = dict(parse_qsl(call.body.decode(errors="replace")))
        label, named = form.get("button", ""), (form.get("project"), form.get("change"))
        changes = [change for project, change in self._changes() if (str(project.id), str(change.number)) == named]
        with self._lab.lock:
            if label in self._lab.front:
                self._lab.front[label]()
            for change in changes:
                if label in self._lab.each and change.state == "opened":
                    self._lab.each[label](change)
                elif form.get("body") and form.get("by") in self._lab.people.values():
                    self._lab.say(change, self._lab.person(form["by"]), form["body"])
        return RedirectResponse("/", 303)

    def _show(self, path: str) -> Response:
        found = _CHANGE.match(path)
        rows = [
            (project, change, _latest(self._lab.shown(change.sha)))
            for project, change in self._changes()
            if found is None or (project.path, str(change.number)) == found.groups()
        ]
        if path != "/" and not (found and rows):
            return PlainTextResponse("There is nothing here. The front page is /", 404)
        text = self._pages.get_template("gitlab.html").render(
            lab=self._lab,
            rows=rows,
            busy=any(one.state in ("pending", "running") for _, _, shown in rows for one in shown),
            signs=SIGNS,
            states=STATES,
            faces={name: FACES[word] for name, word in EMOJI.items()},
            front=path == "/",
        )
        return HTMLResponse(text, headers={"Cache-Control": "no-store"})

    def _changes(self) -> list[tuple[Project, MergeRequest]]:
        found = [(one, change) for one in self._lab.projects.values() for change in one.changes.values()]
        return found[::-1]


def _latest(shown: list[Status]) -> list[Status]:
    """The newest status of each name."""
    found = {one.name: one for one in shown}
    return [found[name] for name in sorted(found)]
