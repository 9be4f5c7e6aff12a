"""A change at the pretend GitHub that people steer, and what they see of it, over real HTTP."""

from collections.abc import Callable
from contextlib import closing
from itertools import count
from typing import Final

from bot.demo.forge.hooks import wait_until
from bot.demo.forge.state import CheckRun, Pull
from tests.faults.place import PATIENCE, Place
from tests.images import busybox

WRITER: Final = "wren"
ADMIN: Final = "ada"
NOBODY: Final = "mallory"
WHEN: Final = "events: [pull_request]"
SLOW: Final = "trap 'exit 9' TERM; echo began; sleep 90 & wait\n"
"""Ends at once when it is asked to, after it has said that it began."""
_NAMES: Final = (f"branch-{number}" for number in count(1))


def suites(*lines: str) -> str:
    return "\n".join(("version: 1", "suites:", *(f"  {line}" for line in lines), ""))


def suite(name: str, more: str, run: str = "exec sh test.sh") -> str:
    return f"{name}: {{image: {busybox()}, run: '{run}', {more}}}"


def open_change(here: Place, *lines: str, script: str = "true\n", stranger: str = "") -> Pull:
    branch, files = next(_NAMES), {".assay.yml": suites(*lines), "test.sh": script}
    fork = here.github.fork(here.repo, stranger) if stranger else None
    here.github.commit(fork or here.repo, branch, files)
    return here.github.open_pull(here.repo, branch, fork=fork)


def push(here: Place, pull: Pull, script: str) -> None:
    assert pull.head_repo
    here.github.commit(pull.head_repo, pull.head_ref.removeprefix("refs/heads/"), {"test.sh": script})


def say(here: Place, pull: Pull, text: str, by: str = WRITER) -> str:
    """The bot's last reaction to it."""
    comment = here.github.comment(pull, by, text)
    last = {"+1", "confused"}
    until(lambda: bool(last & set(here.github.reactions(comment))), f"no reaction to {text}")
    (reaction,) = last & set(here.github.reactions(comment))
    return reaction


def until(ready: Callable[[], bool], what: str) -> None:
    wait_until(ready, PATIENCE, what)


def checks(here: Place, pull: Pull, name: str, sha: str = "") -> list[CheckRun]:
    return here.github.check_runs(here.repo, sha or pull.head_sha, name)


def wait_shown(here: Place, pull: Pull, name: str, *wanted: str, sha: str = "") -> None:
    """Until the check runs of that name, oldest first, have these conclusions, or states while they have none."""

    def shown() -> tuple[str, ...]:
        return tuple(one.conclusion or one.status for one in checks(here, pull, name, sha))

    try:
        until(lambda: shown() == wanted, "")
    except TimeoutError:
        assert shown() == wanted, name


def wait_begun(here: Place, pull: Pull) -> str:
    """The id of the run whose script has begun to speak."""
    wait_shown(here, pull, "assay / unit", "in_progress")
    run = checks(here, pull, "assay / unit")[0].external_id
    until(lambda: b"began" in here.log(run), "it did not begin")
    return run


def died(here: Place, run: str) -> bool:
    return any(one.what == "die" and one.run == run for one in here.engine.happened)


def started(here: Place, log: bytes) -> list[str]:
    """The runs whose container was started and which logged just that."""
    return [one.run for one in here.engine.happened if one.what == "start" and here.log(one.run) == log]


def next_build(here: Place) -> int:
    with closing(here.database()) as database:
        return int(database.execute("SELECT coalesce(max(id), 0) + 1 FROM build").fetchone()[0])
