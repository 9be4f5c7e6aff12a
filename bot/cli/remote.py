"""Commands that ask a server, such as `runs`, `log` and `bisect`; BUILD is the number that people see."""

import json
import sys
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import click

from bot.cli import comparing
from bot.cli.calling import WRONG, Server, git, interruptible, plain, server
from bot.cli.workplace import fail

_MARKS: Final = {
    "passed": "✓",
    "skipped": "-",
    "failed": "✗",
    "timed_out": "✗",
    "errored": "!",
    "cancelled": "■",
    "running": "▸",
}
_STATUS: Final = {"passed": 0, "failed": 1, "timed_out": 1, "errored": 3, "cancelled": 5}
_STILL: Final = 8
_BAD: Final = frozenset({"failed", "timed_out", "errored"})
_LINES: Final = 100
"""Of a log, from its end."""
Facts = dict[str, Any]

_json = click.option(
    "--json",
    "fields",
    is_flag=False,
    flag_value="*",
    metavar="[NAME,…]",
    help="For programs: all fields, or --json=number,state.",
)
_build = click.argument("number", metavar="[BUILD]", required=False, type=click.IntRange(min=1))


@click.group()
def runs() -> None:
    """Builds on the server: list, view, watch, compare, cancel.

    Without BUILD the newest one of the commit that you stand on.
    """


@runs.command("list")
@click.option("--branch", help="Only builds of it.")
@click.option("--state", help="Only builds in that state, such as failed.")
@click.option("--repo", help="OWNER/NAME; without it the one of the remote origin, if there is one.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100))
@_json
def list_(branch: str | None, state: str | None, repo: str | None, limit: int, fields: str | None) -> None:
    """The newest builds."""
    where = repo or _origin()
    builds = server().get("/builds", branch=branch, state=state, repository=where, limit=limit)["builds"]
    if fields:
        click.echo(_chosen(builds, fields))
        return
    for one in builds:
        click.echo(plain(f"{one['number']:>6}  {one['state']:9}  {one['sha'][:7]}  {one['ref']}  {one['title']}"))


@runs.command()
@_build
@_json
def view(number: int | None, fields: str | None) -> None:
    """One build and its suites; the exit status is its verdict."""
    build = _find(server(), number)
    if fields:
        click.echo(_chosen(build, fields))
    else:
        _show(build)
    _end(build)


@runs.command()
@_build
@click.option("--fail-fast", is_flag=True, help="End with the first suite that fails.")
@click.option("--no-wait", is_flag=True, help="Look once; exit status 8 while it runs.")
@_json
def watch(number: int | None, *, fail_fast: bool, no_wait: bool, fields: str | None) -> None:
    """Follow a build to its end; the exit status is its verdict."""
    there = server()
    build, seen = _find(there, number), dict[str, str]()
    with interruptible():
        while True:
            if not fields:
                _tell(build, seen)
            has_failed = any(one["state"] in _BAD for one in build["runs"])
            if no_wait or build["state"] in _STATUS or (fail_fast and has_failed):
                break
            build = there.get(f"/builds/{build['number']}", wait="2s")
    if fields:
        click.echo(_chosen(build, fields))
    if fail_fast and has_failed:
        sys.exit(1)
    _end(build)


@runs.command()
@_build
@click.argument("suite", required=False)
@_json
def compare(number: int | None, suite: str | None, fields: str | None) -> None:
    """What failed beside its last pass on the default branch: tests, times, settings, the log."""
    found = comparing.compare(_find(server(), number), suite)
    if fields:
        click.echo(_chosen(found, fields))
        return
    for one in found:
        comparing.tell(one)


@runs.command()
@_build
@_json
def cancel(number: int | None, fields: str | None) -> None:
    """End all that runs of a build."""
    there = server()
    build = there.post(f"/builds/{_find(there, number)['number']}/cancel")
    click.echo(_chosen(build, fields) if fields else f"cancelled build {build['number']}")


@click.command()
@_build
@click.argument("suite", required=False)
@click.option("--all", "whole", is_flag=True, help="All suites, from their first line.")
@click.option("--raw", is_flag=True, help="Byte by byte, with colours and whatever else is in it.")
@_json
def log(number: int | None, suite: str | None, *, whole: bool, raw: bool, fields: str | None) -> None:
    """The end of what failed said; of a suite that is named, whatever came of it."""
    there = server()
    build = _find(there, number)
    chosen = [one for one in build["runs"] if suite in (None, one["suite"])]
    if suite is not None and not chosen:
        fail(f"build {build['number']} has no suite {plain(suite)}", WRONG)
    shown = [one for one in chosen if whole or suite is not None or one["state"] in _BAD]
    said = [there.call("GET", f"/runs/{one['id']}/log", query={} if whole else {"tail": _LINES}) for one in shown]
    if fields:
        texts = [answer.content.decode("utf-8", "replace") for answer in said]
        told = [{**run, "log": text} for run, text in zip(shown, texts, strict=True)]
        click.echo(_chosen(told, fields))
        return
    for run, answer in zip(shown, said, strict=True):
        if raw:
            click.echo(answer.content, nl=False)
        else:
            click.echo(plain(f"build {build['number']} · {run['suite']} · {run['state']}"))
            click.echo(plain(answer.content.decode("utf-8", "replace")), nl=False)
            click.echo(plain(run["url"]))


@click.command()
@_build
@click.argument("suites", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Also suites that passed.")
@_json
def retest(number: int | None, suites: tuple[str, ...], *, every: bool, fields: str | None) -> None:
    """Run again what failed of a build, or the suites that are named."""
    there = server()
    build = _find(there, number)
    runs = {one["suite"]: one for one in build["runs"] if every or suites or one["state"] in _BAD | {"cancelled"}}
    if unknown := [plain(one) for one in suites if one not in runs]:
        fail(f"build {build['number']} has no suite {', '.join(unknown)}", WRONG)
    wanted = suites or tuple(runs)
    if not wanted:
        fail(f"nothing of build {build['number']} failed; --all runs it all again", WRONG)
    started = [there.post(f"/runs/{runs[one]['id']}/retest") for one in dict.fromkeys(wanted)]
    if fields:
        click.echo(_chosen(started, fields))
        return
    for suite, one in zip(dict.fromkeys(wanted), started, strict=True):
        click.echo(plain(f"{suite} runs again: build {one['number']} · {one['url']}"))


@click.command()
@_build
@click.argument("suite", required=False)
@_json
def bisect(number: int | None, suite: str | None, fields: str | None) -> None:
    """Look for the commit that broke the failed suites of a branch's build, or the one that is named."""
    there = server()
    build = _find(there, number)
    failed = [one for one in build["runs"] if one["state"] in ("failed", "timed_out")]
    wanted = {one["suite"]: one for one in reversed(failed) if suite in (None, one["suite"])}
    if not wanted:
        fail(f"{plain(suite or 'nothing')} of build {build['number']} has not failed", WRONG)
    for one in wanted.values():
        build = there.post(f"/runs/{one['id']}/bisect")
    if fields:
        click.echo(_chosen(build["searches"], fields))
        return
    for one in build["searches"]:
        by = f", by {one['author']}" if one["author"] else ""
        found = f"{one['first_bad'][:7]} {one['note']}{by}" if one["first_bad"] else one["note"]
        click.echo(plain(f"{one['suite']} on {one['branch']}, {len(one['commits'])} commits: {one['state']} {found}"))
    click.echo(plain(build["url"]))


@click.command("open")
@_build
@_json
def open_(number: int | None, fields: str | None) -> None:
    """Show a build in the browser; with --json only say where it is."""
    there = server()
    address = str(_find(there, number)["url"])
    # What the server says is opened only where it is a page of that server.
    if not address.startswith(f"{there.url}/"):
        fail(f"{plain(address)} is not a page of {there.url}", WRONG)
    if fields:
        click.echo(_chosen({"url": address}, fields))
        return
    click.echo(address)
    click.launch(address)


@click.command()
@click.argument("method", type=click.Choice(["GET", "POST", "PUT", "PATCH", "DELETE"], case_sensitive=False))
@click.argument("path")
@click.option("--data", help="The body, as JSON; - reads it from standard input.")
def api(method: str, path: str, data: str | None) -> None:
    """Any call of the API; prints the answer as it comes."""
    if not path.startswith("/"):
        fail("PATH begins with /, such as /runs", WRONG)
    try:
        body = json.loads(sys.stdin.read() if data == "-" else data) if data else None
    except ValueError as error:
        fail(f"--data is not JSON: {error}", WRONG)
    click.echo(server().call(method.upper(), path, body=body).content, nl=False)


def _find(there: Server, number: int | None) -> Facts:
    if number is not None:
        return dict(there.get(f"/builds/{number}"))
    sha = git("rev-parse", "HEAD")
    if not sha:
        fail("no commit here: say which BUILD", WRONG)
    builds = there.get("/builds", sha=sha, repository=_origin(), limit=1)["builds"]
    if not builds:
        fail(f"the server has no build of {sha[:7]} for you", WRONG)
    return dict(builds[0])


def _origin() -> str:
    """owner/name of the remote origin, or nothing."""
    address = git("remote", "get-url", "origin")
    path = urlsplit(address).path if "://" in address else address.partition(":")[2]
    return path.strip("/").removesuffix(".git")


def _chosen(found: Any, fields: str) -> str:  # noqa: ANN401  # JSON of the API
    names = [one for one in fields.split(",") if one]

    def some(facts: Facts) -> Facts:
        if unknown := [one for one in names if one not in facts]:
            fail(f"there is no field {plain(', '.join(unknown))}; there are {', '.join(facts)}", WRONG)
        return {name: facts[name] for name in names}

    if fields == "*":
        return json.dumps(found)
    return json.dumps([some(one) for one in found] if isinstance(found, list) else some(found))


def _show(build: Facts) -> None:
    click.echo(plain(f"build {build['number']} · {build['repository']} · {build['sha'][:7]} · {build['state']}"))
    for run in build["runs"]:
        _say(run)
    click.echo(plain(build["url"]))


def _tell(build: Facts, seen: dict[str, str]) -> None:
    """What has changed since it was told last."""
    if not seen:
        click.echo(plain(f"build {build['number']} · {build['repository']} · {build['sha'][:7]}"))
    for run in build["runs"]:
        if seen.get(run["id"]) != run["state"]:
            seen[run["id"]] = run["state"]
            _say(run)


def _say(run: Facts) -> None:
    note = f"  {run['note']}" if run["note"] else ""
    click.echo(plain(f"  {_MARKS.get(run['state'], '◷')} {run['suite']:20}  {run['state']}{note}"))


def _end(build: Facts) -> NoReturn:
    sys.exit(_STATUS.get(build["state"], _STILL))
