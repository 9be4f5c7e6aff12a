"""The keys of a suite file, those of them that this version refuses, and guesses for unknown ones."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LATER: Final = frozenset[str]()
"""Keys, and one list's words, that are read and checked in full, but whose effect this version does not have yet:
the file is refused with C103. A key leaves the set in the change that gives it its effect."""

_LONGEST_GUESSED: Final = 40
"""Characters; guessing costs time with the square of the length."""

_OTHER_WORDS: Final = {
    "on": 'say when a suite runs with "when: {events: [...]}" inside it',
    "jobs": 'did you mean "suites"?',
    "script": 'did you mean "run"?',
    "steps": 'did you mean "run"?',
    "commands": 'did you mean "run"?',
    "container": 'did you mean "image"?',
    "docker": 'did you mean "image"?',
    "variables": 'did you mean "env"?',
    "only": 'did you mean "when"?',
    "if": 'did you mean "when"?',
    "strategy": 'did you mean "matrix"?',
    "parallel": 'did you mean "shards"?',
    "depends_on": 'did you mean "needs"?',
    "runs-on": 'did you mean "runs_on"?',
    "tags": 'did you mean "runs_on"?',
    "continue-on-error": 'did you mean "allow_failure"?',
    "continue_on_error": 'did you mean "allow_failure"?',
    "timeout-minutes": 'did you mean "timeout"?',
}
"""What the files of other systems call it."""


def near(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or nothing."""
    if len(word) > _LONGEST_GUESSED:
        return ""
    return next(iter(difflib.get_close_matches(word.lower(), sorted(known), n=1)), "")


@dataclass(frozen=True, slots=True)
class Keys:
    section: str
    """How the mapping is called in `LATER` and in the guide."""
    names: frozenset[str]

    def guess(self, key: str) -> str:
        """A help for an unknown key."""
        if advice := _OTHER_WORDS.get(key.lower()):
            return advice
        if key.lower() == "command" and "command" not in self.names:
            return 'did you mean "run"?'
        meant = near(key, self.names)
        return f'did you mean "{meant}"?' if meant else ""


def _keys(section: str, names: str) -> Keys:
    return Keys(section, frozenset(names.split()))


FILE: Final = _keys(
    "file", "version environments services defaults suites drafts test_merge pull_requests notify quarantine"
)
ENVIRONMENT: Final = _keys("environment", "image cpus memory disk network user workdir env")
SERVICE: Final = _keys("service", "image env command memory ready")
READY: Final = _keys("ready", "tcp http command within")
DEFAULTS: Final = _keys("defaults", "environment timeout env retries artifacts")
SUITE: Final = _keys(
    "suite",
    "description extends environment image matrix services env secrets run timeout no_output_timeout retries retry"
    " shards needs runs_on allow_failure reports artifacts cache when",
)
RETRY: Final = _keys("retry", "select")
REPORTS: Final = _keys("reports", "junit tap coverage sarif optional")
ARTIFACTS: Final = _keys("artifacts", "paths store keep link")
CACHE: Final = _keys("cache", "key paths")
WHEN: Final = _keys("when", "events branches paths paths_ignore labels schedule start")
SCHEDULE: Final = _keys("schedule", "cron timezone")
PULL_REQUESTS: Final = _keys("pull_requests", "comment annotations cancel_superseded checks")
NOTIFY: Final = _keys("notify", "channel branches suites send")
QUARANTINE: Final = _keys("quarantine", "tests issue until")

ALL: Final = (
    *(FILE, ENVIRONMENT, SERVICE, READY, DEFAULTS, SUITE, RETRY, REPORTS, ARTIFACTS, CACHE, WHEN, SCHEDULE),
    *(PULL_REQUESTS, NOTIFY, QUARANTINE),
)
