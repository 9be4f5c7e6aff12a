"""The repository `demo/hello` of the pretend forge, and what its people do there."""

from typing import Final

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.page import FrontButton, PullButton
from bot.demo.forge.state import Pull

PATH: Final = "demo/hello"
PERSON: Final = "ada"

_README: Final = """# hello

A program of one line that says hello, and its tests. `.assay.yml` says what runs for a pull request.
"""
_PROGRAM: Final = """#!/bin/sh
# Says hello to whoever is named, or to the world.
echo "Hello, ${1:-world}!"
"""
_BETTER: Final = """#!/bin/sh
# Says hello to whoever is named, or to the world; in their own language when LANG is known.
case "${LANG:-en}" in
  fr*) word=Bonjour ;;
  *) word=Hello ;;
esac
echo "$word, ${1:-world}!"
"""
_BROKEN: Final = _BETTER.replace("word=Bonjour", "word=Bonjuor")
_TESTS: Final = """#!/bin/sh
# Each line: what should be said, and how hello.sh is asked for it.
failed=0

expect() {
  wanted=$1
  shift
  got=$("$@")
  if [ "$got" = "$wanted" ]; then
    echo "ok    $wanted"
  else
    echo "FAIL  wanted: $wanted"
    echo "      got:    $got"
    failed=1
  fi
}

expect "Hello, world!" sh hello.sh
expect "Hello, Ada!" sh hello.sh Ada
"""
_MORE_TESTS: Final = 'expect "Bonjour, Ada!" env LANG=fr_FR sh hello.sh Ada\n'
_END: Final = "\nexit $failed\n"
_SUITES: Final = """version: 1
suites:
  unit:
    image: busybox
    run: sh tests/run.sh
  docs:
    image: busybox
    run: grep -q hello README.md
    when:
      events: [pull_request]
      paths: ["*.md"]
"""
FILES: Final = {
    "README.md": _README,
    "hello.sh": _PROGRAM,
    "tests/run.sh": _TESTS + _END,
    ".assay.yml": _SUITES,
}
PASSED_LINE: Final = "ok    Bonjour, Ada!"
FAILED_LINE: Final = "FAIL  wanted: Bonjour, Ada!"


class Hello:
    def __init__(self, github: PretendGitHub) -> None:
        self._github = github
        self._opened = 0
        github.add_person(PERSON)
        self.repo = github.add_repository(PATH, FILES, roles={PERSON: "write"})
        github.buttons.update(
            {
                "open": FrontButton("Open a pull request", self.open),
                "break": PullButton("Break it", self.break_it),
                "fix": PullButton("Fix it", self.fix_it),
                "close": PullButton("Close", self.close),
            }
        )

    def open(self) -> Pull:
        """A change that passes, on a branch of its own."""
        self._opened += 1
        branch = f"french-{self._opened}"
        files = {"hello.sh": _BETTER, "tests/run.sh": _TESTS + _MORE_TESTS + _END}
        self._github.commit(self.repo, branch, files, "Say hello in French", author=PERSON)
        return self._github.open_pull(self.repo, branch, title="Say hello in French", author=PERSON)

    def break_it(self, pull: Pull) -> None:
        self._write(pull, _BROKEN, "Tidy up the French greeting")

    def fix_it(self, pull: Pull) -> None:
        self._write(pull, _BETTER, "Spell Bonjour as the French do")

    def close(self, pull: Pull) -> None:
        self._github.close_pull(pull, author=PERSON)

    def _write(self, pull: Pull, program: str, message: str) -> None:
        self._github.commit(self.repo, pull.head_ref, {"hello.sh": program}, message, author=PERSON)
