"""The keys of a suite file: those that are read, those that come later, and guesses for the rest."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_LONGEST_GUESSED: Final = 40
"""Characters; guessing costs time with the square of the length."""

_OTHER_WORDS: Final = {
    "on": 'say when a suite runs with "when: {events: [...]}" inside it',
    "jobs": 'did you mean "suites"?',
    "script": 'did you mean "run"?',
    "steps": 'did you mean "run"?',
    "command": 'did you mean "run"?',
    "commands": 'did you mean "run"?',
    "container": 'did you mean "image"?',
    "docker": 'did you mean "image"?',
    "variables": 'did you mean "env"?',
    "only": 'did you mean "when"?',
    "if": 'did you mean "when"?',
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
    read: frozenset[str]
    later: frozenset[str] = frozenset()
    """Part of the format, not of this version."""

    def guess(self, key: str) -> str:
        """A help for an unknown key."""
        if advice := _OTHER_WORDS.get(key.lower()):
            return advice
        meant = near(key, self.read | self.later)
        return f'did you mean "{meant}"?' if meant else ""


FILE: Final = Keys(
    frozenset({"version", "suites"}),
    frozenset({"environments", "services", "defaults", "pull_requests", "notify"}),
)
SUITE: Final = Keys(
    frozenset({"description", "image", "run", "env", "timeout", "when", "allow_failure"}),
    frozenset(
        {"extends", "environment", "matrix", "services", "secrets", "retries", "shards", "needs", "reports"}
        | {"artifacts", "cache"}
    ),
)
WHEN: Final = Keys(
    frozenset({"events", "branches", "paths"}), frozenset({"paths_ignore", "labels", "schedule", "start"})
)
