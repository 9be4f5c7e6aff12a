"""One round of the main job: a pull request that passes, a commit that breaks it, a commit that fixes it."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.hooks import wait_until
from bot.demo.forge.page import SIGNS
from bot.demo.forge.state import CheckRun, Pull
from bot.demo.hello import FAILED_LINE, PASSED_LINE, Hello

PASSING: Final = {"assay": "success", "assay / docs": "skipped", "assay / unit": "success"}
FAILING: Final = {"assay": "failure", "assay / docs": "skipped", "assay / unit": "failure"}
UNIT: Final = "assay / unit"
_FENCED: Final = re.compile(r"^(`{3,})\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
_TAGS: Final = re.compile(r"<[^>]*>")
_MAX_LINES: Final = 12


@dataclass(slots=True)
class Round:
    """`play` tells what happens by `say`, and keeps what was not right in `wrong`."""

    github: PretendGitHub
    hello: Hello
    say: Callable[[str], None]
    is_alive: Callable[[], bool]
    """Whether the bot still runs; waiting ends when it does not."""
    limit: float = 90.0
    """Seconds that one commit's checks may take."""
    wrong: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    """Our ids of the runs that were shown."""

    def play(self) -> None:
        pull = self.hello.open()
        self.say(f"\n1  A pull request is opened: {self.github.url}/{pull.repo.path}/pull/{pull.number}")
        self._look(pull, PASSING, PASSED_LINE)
        self.hello.break_it(pull)
        self.say("\n2  A commit breaks it")
        self._look(pull, FAILING, FAILED_LINE)
        self.hello.fix_it(pull)
        self.say("\n3  A commit fixes it")
        self._look(pull, PASSING, PASSED_LINE)

    def _look(self, pull: Pull, wanted: Mapping[str, str], line: str) -> None:
        shown = self._wait(pull, wanted)
        for run in shown:
            self.say(f"   {row(run)}")
        self.wrong += differences(pull.head_sha, shown, wanted)
        for run in [each for each in shown if each.name == UNIT]:
            self.runs.append(run.external_id)
            self._look_at_unit(run, wanted[UNIT], line)

    def _wait(self, pull: Pull, wanted: Mapping[str, str]) -> list[CheckRun]:
        """The check runs on the pull request's head, by name, once they are complete or waiting is of no more use."""

        def shown() -> list[CheckRun]:
            return sorted(self.github.check_runs(pull.repo, pull.head_sha), key=lambda run: run.name)

        def complete() -> bool:
            done = {run.name for run in shown() if run.status == "completed"}
            return done >= wanted.keys() or not self.is_alive()

        try:
            wait_until(complete, self.limit, "")
        except TimeoutError:
            self.wrong.append(f"{pull.head_sha[:7]}: the checks were not complete after {self.limit:.0f} seconds")
        return shown()

    def _look_at_unit(self, run: CheckRun, wanted: str, line: str) -> None:
        self.say(f"      page: {run.details_url}")
        if wanted == "failure":
            for each in fenced_lines(run.summary or ""):
                self.say(f"      | {each}")
            if line not in (run.summary or ""):
                self.wrong.append(f"{run.name}: its summary does not show the failing line {line!r}")
        if not page_shows(run.details_url, line):
            self.wrong.append(f"{run.name}: the page {run.details_url} does not show {line!r}")


def row(run: CheckRun) -> str:
    state = run.conclusion or run.status
    return f"{SIGNS.get(state, '?')}  {run.name:<14}{state:<10}{run.title or ''}"


def differences(sha: str, shown: list[CheckRun], wanted: Mapping[str, str]) -> list[str]:
    """What is not as it should be: missing, doubled, unknown checks and other conclusions."""
    found: dict[str, list[str]] = {}
    for run in shown:
        found.setdefault(run.name, []).append(run.conclusion or run.status)
    return [
        f"{sha[:7]}: {name} should be {wanted.get(name, 'absent')}, but is {', '.join(found.get(name, ['absent']))}"
        for name in sorted({*found, *wanted})
        if found.get(name) != [wanted.get(name)]
    ]


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
