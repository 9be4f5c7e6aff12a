"""One round of the main job: a change passes, breaks, is mended; a flaky one is retested, a stranger's approved."""

import html
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Generic

import httpx

from bot.demo.forge.hooks import wait_until
from bot.demo.forge.page import FACES, SIGNS
from bot.demo.hello import (
    BROKEN_LINE,
    EARLY_LINE,
    FRENCH_LINE,
    GERMAN_LINE,
    PERSON,
    SPANISH_LINE,
    VALID_LINE,
    Hello,
)
from bot.demo.stage import C, Shown, Stage

Wanted = Mapping[str, tuple[str, ...]]
"""Of each check its states as ended, oldest first: a commit keeps those that were run again."""

UNIT: Final = "assay / unit"
PASSING: Final = {"assay": ("success",), "assay / docs": ("skipped",), UNIT: ("success",)}
FAILING: Final = {"assay": ("failure",), "assay / docs": ("skipped",), UNIT: ("failure",)}
RETESTED: Final = {"assay": ("failure", "success"), "assay / docs": ("skipped",), UNIT: ("failure", "success")}
_UNDER_WAY: Final = ("queued", "in_progress")
_WAITS: Final = "action_required"
_LAST: Final = {"+1", "confused"}
_FENCED: Final = re.compile(r"^(`{3,})\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
_TAGS: Final = re.compile(r"<[^>]*>")
_MAX_LINES: Final = 8
_LEAST_DELAY: Final = 4.0
"""Seconds until the certificate of the flaky change is valid, at least."""


@dataclass(slots=True)
class Round(Generic[C]):
    """`play` tells what happens by `say`, and keeps what was not right in `wrong`."""

    stage: Stage[C]
    hello: Hello[C]
    say: Callable[[str], None]
    is_alive: Callable[[], bool]
    """Whether the bot still runs; waiting ends when it does not."""
    limit: float = 60.0
    """Seconds that one commit's checks may take."""
    wrong: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    """Our ids of the runs that were shown."""
    _slowest: float = 0.0
    """Seconds that the slowest commit's checks took so far."""

    def play(self) -> None:
        """Ends early when checks don't come in time: what follows would only take as long again."""
        try:
            self._change()
            self._flaky()
            self._stranger()
        except TimeoutError as error:
            self.wrong.append(str(error))

    def _change(self) -> None:
        pull = self.hello.open()
        self.say(f"\n1  A {self.stage.word} is opened: {self.stage.page_of(pull)}")
        self._look(pull, PASSING, GERMAN_LINE)
        self.hello.break_it(pull)
        self.say("\n2  A commit breaks it")
        self._look(pull, FAILING, BROKEN_LINE)
        self.hello.fix_it(pull)
        self.say("\n3  A commit fixes it")
        self._look(pull, PASSING, FRENCH_LINE)

    def _flaky(self) -> None:
        """The same commit fails first and passes later: its certificate is not valid before a certain moment.

        That moment is far enough away for the first run to be over before, however slow this machine is.
        """
        moment = int(time.time() + max(_LEAST_DELAY, 2 * self._slowest))
        pull = self.hello.renew_certificate(moment)
        valid = datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC")
        self.say(
            f"\n4  A flaky test, which needs a certificate that is valid from {valid} on: {self.stage.page_of(pull)}"
        )
        self._look(pull, FAILING, EARLY_LINE)
        self._wait(lambda: time.time() >= moment)
        self._comment(pull, "retest")
        self._look(pull, RETESTED, VALID_LINE)

    def _stranger(self) -> None:
        pull = self.hello.open_as_stranger()
        self.say(
            f"\n5  A stranger opens a {self.stage.word} from a fork, and nothing runs: {self.stage.page_of(pull)}"
        )
        self._look(pull, {"assay": self.stage.waiting}, "")
        # An approval counts when it is younger than the commit.
        self._wait(lambda: self.stage.is_later(pull))
        self._comment(pull, "ok-to-test")
        self._look(pull, {**PASSING, "assay": self.stage.approved}, SPANISH_LINE)

    def _comment(self, pull: C, command: str) -> None:
        """As somebody who may write; the bot's last reaction says whether it did what was asked for."""
        body = f"{self.stage.prefix}{command}"
        comment = self.stage.comment(pull, PERSON, body)
        self._wait(lambda: not _LAST.isdisjoint(self.stage.reactions(comment)))
        reactions = self.stage.reactions(comment)
        self.say(f"   {PERSON} comments {body}  {' '.join(FACES[each] for each in reactions)}")
        if "+1" not in reactions:
            self.wrong.append(f"{body} by {PERSON}: the bot does not say that it was done")

    def _look(self, pull: C, wanted: Wanted, line: str) -> None:
        """Raises: TimeoutError: the checks were not complete in time; what is there was looked at."""
        in_time = self._is_complete(pull, wanted)
        shown = self._shown(pull)
        latest = {run.name: run for run in shown}
        for run in latest.values():
            self.say(f"   {row(run)}")
        self.wrong += differences(pull.head_sha, shown, wanted)
        if UNIT in latest and UNIT in wanted:
            self.runs += filter(None, [latest[UNIT].run])
            self._look_at_unit(latest[UNIT], wanted[UNIT][-1], line)
        if not in_time:
            raise TimeoutError(f"{pull.head_sha[:7]}: the checks were not complete after {self.limit:g} seconds")

    def _shown(self, pull: C) -> list[Shown]:
        """The checks on the change's head, by name; those of one name oldest first."""
        return sorted(self.stage.shown(pull), key=lambda run: run.name)

    def _is_complete(self, pull: C, wanted: Wanted) -> bool:
        """Waits until as many checks are done as should be; False when they are not in time."""

        def complete() -> bool:
            done = [run.name for run in self._shown(pull) if _has_ended(run, wanted.get(run.name, ()))]
            return all(done.count(name) >= len(states) for name, states in wanted.items())

        began = time.monotonic()
        in_time = self._wait(complete)
        self._slowest = max(self._slowest, time.monotonic() - began)
        return in_time

    def _wait(self, ready: Callable[[], bool]) -> bool:
        """Until it is so, or the bot is gone; False when that takes too long."""
        try:
            wait_until(lambda: ready() or not self.is_alive(), self.limit, "")
        except TimeoutError:
            return False
        return True

    def _look_at_unit(self, run: Shown, wanted: str, line: str) -> None:
        self.say(f"      page: {run.url}")
        if wanted == "failure" and run.summary is not None:
            for each in fenced_lines(run.summary):
                self.say(f"      | {each}")
            if line not in run.summary:
                self.wrong.append(f"{run.name}: its summary does not show the failing line {line!r}")
        if not page_shows(run.url, line):
            self.wrong.append(f"{run.name}: the page {run.url} does not show {line!r}")


def row(run: Shown) -> str:
    return f"{SIGNS.get(run.state, '?')}  {run.name:<14}{run.state.replace('_', ' '):<17}{run.title}"


def _has_ended(run: Shown, wanted: tuple[str, ...]) -> bool:
    """Where what waits for an approval goes on as the same check, that is no end either."""
    return run.state not in _UNDER_WAY and (run.state != _WAITS or _WAITS in wanted)


def differences(sha: str, shown: list[Shown], wanted: Wanted) -> list[str]:
    """What is not as it should be: missing, doubled, unknown checks and other states."""
    found: dict[str, tuple[str, ...]] = {}
    for run in shown:
        found[run.name] = (*found.get(run.name, ()), run.state)
    return [
        f"{sha[:7]}: {name} should be {_words(wanted.get(name))}, but is {_words(found.get(name))}"
        for name in sorted({*found, *wanted})
        if found.get(name) != wanted.get(name)
    ]


def _words(states: tuple[str, ...] | None) -> str:
    return ", ".join(states or ("absent",))


def fenced_lines(markdown: str) -> list[str]:
    """The last lines inside the text's fenced blocks."""
    blocks = [found[2] for found in _FENCED.finditer(markdown)]
    return "\n".join(blocks).splitlines()[-_MAX_LINES:]


def page_shows(url: str, line: str) -> bool:
    """Whether the page has the words of that line, however they are marked up."""
    try:
        answer = httpx.get(url, timeout=10, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    words = " ".join(html.unescape(_TAGS.sub("", answer.text)).split())
    return answer.is_success and " ".join(line.split()) in words
