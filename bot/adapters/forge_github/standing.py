"""Who we are to GitHub and what we may do there, for the operator (FORGES §1.2, §1.5)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.adapters.forge_github.answers import UNAUTHORIZED, json_of
from bot.adapters.forge_github.auth import Tokens
from bot.adapters.forge_github.client import Answer, Client, Request
from bot.domain.errors import Refused
from bot.domain.findings import Finding
from bot.foreign.fields import MAX_LOGIN, Fields

NEEDED: Final[Mapping[str, str]] = {
    "checks": "write",
    "contents": "read",
    "issues": "write",
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
"""Permissions of the App."""
_FALLBACK: Final = "statuses"
"""What results are shown by where an App may make no check runs (BEHAVIOUR §3)."""
LACKING: Final = (
    "Results are commit statuses, not check runs: a line of 140 characters that links here.",
    "There are no buttons on GitHub: /retest, /cancel and /ok-to-test are written as comments.",
    "Errors are not marked at the lines of a change; they are on these pages.",
    "The merge queue can't be served: its events go to GitHub Apps alone.",
)
"""What a person's token can't do."""
_LEVELS: Final = {"read": 1, "write": 2, "admin": 3}


def of_app(client: Client, app: Tokens, events: Sequence[str]) -> Iterator[Finding]:
    """Raises: ForgeUnavailable."""
    answer = app.answer_to_app(Request(method="GET", path="/app", names={}))
    data = _known(answer, client)
    if data is None:
        help_ = "check ASSAY_GITHUB_APP_ID, ASSAY_GITHUB_PRIVATE_KEY and this machine's clock"
        yield Finding(ok=False, text="GitHub does not know the App, or not its key", help=help_)
        return
    name = data.text("slug", MAX_LOGIN) or data.text("name", MAX_LOGIN)
    yield Finding(ok=True, text=f"GitHub knows us as the App {name}")
    granted = data.inner("permissions").data if data.has("permissions") else {}
    missing = {key: level for key, level in NEEDED.items() if _level(granted.get(key)) < _LEVELS[level]}
    if missing:
        what = (
            f"the App {name} lacks the permissions {', '.join(f'{key}: {level}' for key, level in missing.items())}"
        )
        help_ = "add them in the App's settings and let each owner accept them"
        yield Finding(ok=missing.keys() == {_FALLBACK}, text=what, help=help_)
    unheard = sorted(set(events) - set(map(str, data.data.get("events") or ())))
    if unheard:
        what = f"the App {name} is not told of {', '.join(unheard)}"
        yield Finding(ok=False, text=what, help="subscribe to these events in the App's settings")


def of_person(client: Client, token: str) -> Iterator[Finding]:
    """Raises: ForgeUnavailable."""
    answer = client.send(Request(method="GET", path="/user", names={}), f"Bearer {token}")
    data = _known(answer, client)
    if data is None:
        yield Finding(ok=False, text="GitHub refuses the token", help="check ASSAY_GITHUB_TOKEN; it may have ended")
        return
    login = data.text("login", MAX_LOGIN)
    yield Finding(ok=True, text=f"GitHub knows us as {login}, by a token")
    yield from _scopes(answer)
    yield Finding(ok=True, text="without a GitHub App: " + " ".join(LACKING))


def _known(answer: Answer, client: Client) -> Fields | None:
    """None: our credentials are not taken."""
    if answer.status == UNAUTHORIZED:
        return None
    try:
        data, _ = json_of(answer, client.clock.now())
    except Refused:
        return None
    return Fields(data)


def _scopes(answer: Answer) -> Iterator[Finding]:
    """Fine-grained tokens have no scopes and tell of none."""
    if "x-oauth-scopes" not in answer.headers:
        yield Finding(ok=True, text="a fine-grained token: its rights show with the first use of each")
        return
    held = {one.strip() for one in answer.headers["x-oauth-scopes"].split(",")}
    if "repo" not in held:
        what = "the token lacks the scope repo"
        yield Finding(ok=False, text=what, help="without it there are no private repositories, statuses and comments")
    if not held & {"admin:repo_hook"}:
        what = "the token lacks the scope admin:repo_hook"
        yield Finding(ok=False, text=what, help="without it `assay repo add` can't make webhooks")


def _level(granted: object) -> int:
    return _LEVELS.get(granted, 0) if isinstance(granted, str) else 0
