"""The page on which people make a file, filled in from the address, and open a pull request with it."""

import re
from typing import Final
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from bot.demo.forge.actions import Actions
from bot.demo.forge.calls import Call
from bot.demo.forge.state import World

_NEW: Final = re.compile(r"/([^/]+/[^/]+)/new/(.+)")
_WRITERS: Final = ("write", "maintain", "admin")


class Editor:
    def __init__(self, world: World, actions: Actions) -> None:
        self._world, self._actions = world, actions
        self._pages = Environment(loader=PackageLoader("bot.demo.forge"), autoescape=True, trim_blocks=True)

    def answers(self, path: str) -> bool:
        return _NEW.fullmatch(path) is not None

    def answer(self, call: Call) -> Response:
        found = _NEW.fullmatch(call.path)
        assert found
        with self._world.lock:
            repo = next((one for one in self._world.repos if one.path == found[1]), None)
            if repo is None or repo.git.resolve(f"refs/heads/{found[2]}") is None:
                return PlainTextResponse("Not Found", 404)
            people = [one for one in self._world.accounts if repo.role(one) in _WRITERS and one.kind == "User"]
            if call.method != "POST":
                return HTMLResponse(self._pages.get_template("editor.html").render(call=call, people=people))
            form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
            author = next((one for one in people if one.login == form.get("by")), None)
            if author is None:
                return PlainTextResponse("Forbidden", 403)
            branch, text = f"{author.login}-patch-1", form.get("text", "").replace("\r\n", "\n")
            title = f"Create {form.get('name', '')}"
            self._actions.commit(repo, branch, {form.get("name", "file"): text}, title, author, None)
            pull = self._actions.open(repo, repo, branch, found[2], title=title, body="", author=author, draft=False)
        return RedirectResponse(f"/{repo.path}/pull/{pull.number}", 303)
