"""The settings page of a repository, for those who look after it: one form a button, complete without scripts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.app import administering, notifying, own_channels, registering, ruling, secrets
from bot.app.context import App, Rules
from bot.app.queries import Viewer
from bot.app.registering import Registered
from bot.domain.errors import BadInput, BotError, Gone
from bot.domain.refs import ForgeName, Repository
from bot.domain.suites import Network
from bot.domain.texts import duration, size
from bot.domain.trust import ForkPolicy
from bot.web import repository_tokens
from bot.web.forms import read_form
from bot.web.operators import Form, private_page, to_sign_in
from bot.web.site import site_of
from bot.web.visitors import person_of_form, signed_in

_MAKING: Final = "make-token"
_REFUSED: Final = 409
_LARGEST: Final = 128 << 10
"""Bytes of a form: a secret, each byte of it as three."""
_NOTICES: Final = 20
_DIGITS: Final = 18
_DONE: Final = {
    "rules": "The settings are kept; builds from now on follow them.",
    "secret": "The secret is kept. Nobody can read it here again.",
    "no-secret": "The secret is forgotten.",
    "channel": "The channel is kept. Its suite file names it under notify.",
    "no-channel": "The channel is forgotten.",
    "told": "The channel took the test.",
    "again": "The notice is on its way again.",
    "heard": "The forge's test came all the way to this server.",
    "rotated": "The webhook has a new secret.",
    "no-token": "The token is revoked.",
    "no-webhook": "The webhook is taken away.",
}
"""What a button has done, by the word in the address that follows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One setting, as the page asks for it."""

    name: str
    label: str
    usual: str
    """What counts where nothing is set."""
    choices: tuple[tuple[str, str], ...] = ()
    """Value and words; none: any text."""
    hint: str = ""


def settings_page(repository: Repository) -> str:
    return f"/repos/{quote(repository.forge)}/{quote(repository.path)}/-/settings"


def show(request: Request) -> Response:
    viewer = signed_in(request)
    if viewer is None:
        return to_sign_in(request)
    repository = administering.look(site_of(request).reader, viewer, *_named(request))
    return _page(request, repository)


async def press(request: Request) -> Response:
    """POST of a form with `key` and `button`; then the page again, with what came of it."""
    return await run_in_threadpool(_press, request, await read_form(request, _LARGEST))


def _press(request: Request, form: Form) -> Response:
    viewer, app = person_of_form(request, form.get("key", "")), site_of(request).app
    repository = administering.act(app, viewer, *_named(request))
    button = form.get("button", "")
    act = _BUTTONS.get(button)
    if act is None and button != _MAKING:
        raise BadInput("no such button")
    try:
        if act is None:
            return _page(request, repository, made=repository_tokens.make(app, repository, viewer, form))
        done = act(app, repository, viewer, form)
    except BotError as error:
        return _page(request, repository, trouble=str(error), status=400 if isinstance(error, BadInput) else _REFUSED)
    return RedirectResponse(f"{app.url}{settings_page(repository)}?done={done}", 303)


def _page(
    request: Request, repository: Repository, *, trouble: str = "", made: str = "", status: int = 200
) -> Response:
    """`made`: the text of a token, which is on this one answer and nowhere else."""
    app = site_of(request).reader
    found = registering.get(app, repository.id)
    own = ruling.of(app, repository)
    with app.work() as work:
        told = work.notices.recent(_NOTICES, repository=repository.id)
    return private_page(
        request,
        "repository_settings.html",
        status,
        repository=repository,
        here=settings_page(repository),
        done=_DONE.get(request.query_params.get("done", ""), "") if not trouble else "",
        made=made,
        trouble=trouble,
        hook=found.hook,
        hook_url=registering.hook_url(app, found),
        said=_said(app, found),
        people=_people(app.rules),
        reach=_reach(app.rules),
        limits=_limits(app.rules),
        quotas=_quotas(app.rules),
        rules=ruling.written(own),
        secrets=secrets.list_secrets(app, repository.id),
        channels=own_channels.every(app, repository.id),
        notices=told,
        **repository_tokens.facts(app, repository),
    )


def _said(app: App, found: Registered) -> str:
    """What the forge says is wrong with the webhook."""
    try:
        return registering.trouble(app, found)
    except BotError as error:
        return str(error)


def _people(rules: Rules) -> list[Field]:
    """What people outside may do, and what they are told."""
    policies = {
        ForkPolicy.ALWAYS: "each commit waits for an approval",
        ForkPolicy.FIRST_TIME: "the first change of each person waits",
        ForkPolicy.NEVER: "nothing waits",
    }
    found = [
        Field(
            name="fork_policy",
            label="Changes by people without write access",
            usual=policies[rules.fork_policy],
            choices=tuple((one.value, words) for one, words in policies.items()),
            hint="They never get secrets, whatever is chosen here.",
        ),
    ]
    if rules.comments:
        no_comments = (("false", "never"),)
        found.append(
            Field(name="comments", label="Comments of results", usual="as the suite file says", choices=no_comments)
        )
    if rules.bare_commands:
        prefixed = (("false", "only with /assay before them"),)
        found.append(
            Field(name="bare_commands", label="Commands in comments", usual="/retest and the like", choices=prefixed)
        )
    return found


def _reach(rules: Rules) -> list[Field]:
    """What runs may connect to, and what they may start from."""
    return [
        _network("network_default", "Network of runs", rules.network_trusted),
        _network("network_forks", "Network of runs of people without write access", rules.network_forks),
        Field(
            name="images_allowed",
            label="Images that may run",
            usual="whatever the server allows",
            hint="Globs with commas between them, like python:*, ghcr.io/acme/**",
        ),
    ]


def _network(name: str, label: str, most: Network) -> Field:
    words = {Network.NONE: "none", Network.SERVICES: "its own services alone", Network.INTERNET: "the internet"}
    tighter = tuple((one.value, words[one]) for one in Network if one.at_most(most) is one and one is not most)
    return Field(name=name, label=label, usual=words[most], choices=(*tighter, (most.value, words[most])))


def _limits(rules: Rules) -> list[Field]:
    most = rules.ceiling
    return [
        Field(name="cpus_max", label="CPUs", usual=f"at most {most.cpus:g}"),
        Field(name="memory_max", label="Memory", usual=f"at most {size(most.memory)}", hint="Like 2GiB"),
        Field(name="disk_max", label="Disk", usual=f"at most {size(most.disk)}"),
        Field(name="pids_max", label="Processes", usual=f"at most {most.pids}"),
        Field(name="timeout_max", label="Time", usual=f"at most {duration(rules.timeout_max)}", hint="Like 45m"),
        Field(name="log_limit", label="Log", usual=f"at most {size(most.log)}"),
        Field(name="artifact_limit", label="Artifacts of a run", usual=f"at most {size(rules.artifact_limit)}"),
    ]


def _quotas(rules: Rules) -> list[Field]:
    most = rules.quotas
    return [
        _quota("runs_max", "Runs at once", most.runs_max),
        _quota("queue_max", "Runs in line", most.queue_max),
        _quota("stranger_runs_max", "Runs at once of one without write access", most.stranger_runs_max),
        _quota("stranger_queue_max", "Runs in line of one without write access", most.stranger_queue_max),
    ]


def _quota(name: str, label: str, most: int | None) -> Field:
    return Field(name=name, label=label, usual="as many as there are" if most is None else f"at most {most}")


def _set_rules(app: App, repository: Repository, viewer: Viewer, form: Form) -> str:
    before = ruling.written(ruling.of(app, repository))
    given = {name: form[name].strip() for name in ruling.NAMES if name in form}
    changed = {name: text for name, text in given.items() if text != before.get(name, "")}
    if changed:
        ruling.change(app, repository, changed, actor=viewer.actor)
    return "rules"


def _set_secret(app: App, repository: Repository, viewer: Viewer, form: Form) -> str:
    """Browsers send each end of a line as two characters (HTML, form submission)."""
    value = form.get("value", "").replace("\r\n", "\n")
    secrets.set_secret(app, repository, form.get("name", "").strip(), value, actor=viewer.actor)
    return "secret"


def _remove_secret(app: App, repository: Repository, viewer: Viewer, form: Form) -> str:
    secrets.remove_secret(app, repository, form.get("name", ""), actor=viewer.actor)
    return "no-secret"


def _set_channel(app: App, repository: Repository, viewer: Viewer, form: Form) -> str:
    address = form.get("address", "").strip()
    own_channels.put(app, repository, form.get("name", "").strip(), address, actor=viewer.actor)
    return "channel"


def _test_channel(app: App, repository: Repository, _: Viewer, form: Form) -> str:
    own_channels.test(app, repository, form.get("name", ""))
    return "told"


def _remove_channel(app: App, repository: Repository, viewer: Viewer, form: Form) -> str:
    own_channels.remove(app, repository, form.get("name", ""), actor=viewer.actor)
    return "no-channel"


def _send_again(app: App, repository: Repository, viewer: Viewer, form: Form) -> str:
    number = form.get("number", "")
    is_number = number.isascii() and number.isdigit() and len(number) <= _DIGITS
    if not is_number or not notifying.again(app, int(number), actor=viewer.actor, repository=repository.id):
        raise Gone("there is no such notice, or it is on its way")
    return "again"


def _test_webhook(app: App, repository: Repository, _: Viewer, __: Form) -> str:
    registering.test(app, registering.get(app, repository.id))
    return "heard"


def _rotate_webhook(app: App, repository: Repository, viewer: Viewer, _: Form) -> str:
    registering.rotate_secret(app, registering.get(app, repository.id), actor=viewer.actor)
    return "rotated"


def _remove_webhook(app: App, repository: Repository, viewer: Viewer, _: Form) -> str:
    registering.remove(app, registering.get(app, repository.id), actor=viewer.actor)
    return "no-webhook"


_BUTTONS: Final[dict[str, Callable[[App, Repository, Viewer, Form], str]]] = {
    "rules": _set_rules,
    "set-secret": _set_secret,
    "remove-secret": _remove_secret,
    "set-channel": _set_channel,
    "test-channel": _test_channel,
    "remove-channel": _remove_channel,
    "revoke-token": repository_tokens.revoke,
    "again": _send_again,
    "test-webhook": _test_webhook,
    "rotate-webhook": _rotate_webhook,
    "remove-webhook": _remove_webhook,
}


def _named(request: Request) -> tuple[ForgeName, str]:
    return ForgeName(request.path_params["forge"]), request.path_params["path"]
