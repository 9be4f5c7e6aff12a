"""The repository `demo/hello` of the pretend forge, and what its people do there."""

from typing import Final

from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.page import FrontButton, PullButton
from bot.demo.forge.state import Pull, Repo

PATH: Final = "demo/hello"
PERSON: Final = "ada"
STRANGER: Final = "newbie"

_README: Final = """# hello

A small program that says hello in some languages, and its tests. `.assay.yml` says what runs for a pull request.
"""
_PROGRAM: Final = """#!/bin/sh
# Says hello to whoever is named, or to the world, in the language that LANG names.
case "${LANG:-en}" in
  fr*) word=Bonjour ;;
  *) word=Hello ;;
esac
echo "$word, ${1:-world}!"
"""
_RIGHT: Final = "word=Bonjour"
_WRONG: Final = "word=Bonjuor"
_OTHERS: Final = "  *) word=Hello ;;\n"
_TESTS: Final = """#!/bin/sh
# The tests of hello.sh: each names what it looks at, what should be said, and how hello.sh is asked for it.
count=0
failed=0

passed() {
  printf '  \\033[32mok\\033[0m    %s\\n' "$1"
}

failed() {
  printf '  \\033[1;31mFAIL\\033[0m  \\033[1m%s\\033[0m\\n' "$1"
  printf '        wanted: \\033[32m%s\\033[0m\\n        got:    \\033[31m%s\\033[0m\\n' "$2" "$3"
  failed=$((failed + 1))
}

expect() {
  what=$1 wanted=$2
  shift 2
  got=$(env LANG=en "$@")
  count=$((count + 1))
  if [ "$got" = "$wanted" ]; then passed "$what"; else failed "$what" "$wanted" "$got"; fi
}

clock() {
  date -u -d "@$1" '+%Y-%m-%d %H:%M:%S UTC'
}

certificate() {
  from=$(cat certificate) now=$(date +%s)
  count=$((count + 1))
  if [ "$now" -ge "$from" ]; then
    passed 'the certificate is valid'
  else
    failed 'the certificate is valid' "from $(clock "$from") on" "$(clock "$now"), too early"
  fi
}

printf '\\033[1mTesting hello.sh\\033[0m \\033[36mas %s on %s\\033[0m\\n\\n' "$(id -un)" "$(uname -s -m)"
expect 'greets the world' 'Hello, world!' sh hello.sh
expect 'greets by name' 'Hello, Ada!' sh hello.sh Ada
expect 'keeps spaces' 'Hello, Grace Hopper!' sh hello.sh 'Grace Hopper'
expect 'keeps accents' 'Hello, Zoë!' sh hello.sh Zoë
expect 'takes no patterns' 'Hello, *!' sh hello.sh '*'
expect 'speaks English where it knows no better' 'Hello, Ada!' env LANG=tlh sh hello.sh Ada
expect 'speaks French' 'Bonjour, Ada!' env LANG=fr_FR sh hello.sh Ada
"""
_END: Final = """
if [ -e certificate ]; then certificate; fi
if [ "$failed" -gt 0 ]; then colour=31; else colour=32; fi
printf '\\n\\033[1;%sm%s of %s passed\\033[0m\\n' "$colour" $((count - failed)) "$count"
[ "$failed" -eq 0 ]
"""
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
GERMAN_LINE: Final = "ok    speaks German"
SPANISH_LINE: Final = "ok    speaks Spanish"
FRENCH_LINE: Final = "ok    speaks French"
BROKEN_LINE: Final = "FAIL  speaks French"
VALID_LINE: Final = "ok    the certificate is valid"
EARLY_LINE: Final = "FAIL  the certificate is valid"


class Hello:
    def __init__(self, github: PretendGitHub) -> None:
        self._github = github
        self._opened = 0
        self._fork: Repo | None = None
        for login in (PERSON, STRANGER):
            github.add_person(login)
        self.repo = github.add_repository(PATH, FILES, roles={PERSON: "write", STRANGER: "none"})
        github.buttons.update(
            {
                "open": FrontButton("Open a pull request", self.open),
                "stranger": FrontButton("Open a pull request as a stranger", self.open_as_stranger),
                "break": PullButton("Break it", self.break_it),
                "fix": PullButton("Fix it", self.fix_it),
                "close": PullButton("Close", self.close),
            }
        )

    def open(self) -> Pull:
        """A change that passes, on a branch of its own."""
        return self._open(self.repo, PERSON, "Say hello in German", _speaking("German", "de", "Hallo"))

    def open_as_stranger(self) -> Pull:
        """From a fork, by somebody without any right in the repository."""
        self._fork = self._fork or self._github.fork(self.repo, STRANGER)
        return self._open(self._fork, STRANGER, "Say hello in Spanish", _speaking("Spanish", "es", "Hola"))

    def renew_certificate(self, moment: int) -> Pull:
        """A change whose test fails before that moment (seconds since 1970) and passes from then on."""
        return self._open(self.repo, PERSON, "Renew the certificate", {"certificate": f"{moment}\n"})

    def break_it(self, pull: Pull) -> None:
        self._replace(pull, _RIGHT, _WRONG, "Tidy up the French greeting")

    def fix_it(self, pull: Pull) -> None:
        self._replace(pull, _WRONG, _RIGHT, "Spell Bonjour as the French do")

    def close(self, pull: Pull) -> None:
        self._github.close_pull(pull, author=PERSON)

    def _open(self, head: Repo, author: str, title: str, files: dict[str, str]) -> Pull:
        self._opened += 1
        branch = f"{title.rsplit(maxsplit=1)[-1].lower()}-{self._opened}"
        self._github.commit(head, branch, files, title, author=author)
        return self._github.open_pull(self.repo, branch, fork=head, title=title, author=author)

    def _replace(self, pull: Pull, old: str, new: str, message: str) -> None:
        """Where the pull request comes from, and by its author: nobody else may push to a fork."""
        if pull.head_repo is None:
            return
        program = pull.head_repo.git.git("show", f"{pull.head_sha}:hello.sh").decode().replace(old, new)
        files = {"hello.sh": program}
        self._github.commit(pull.head_repo, pull.head_ref, files, message, author=pull.author.login)


def _speaking(language: str, code: str, word: str) -> dict[str, str]:
    """The files that change when hello.sh learns a language."""
    test = f"expect 'speaks {language}' '{word}, Ada!' env LANG={code} sh hello.sh Ada\n"
    return {
        "hello.sh": _PROGRAM.replace(_OTHERS, f"  {code}*) word={word} ;;\n{_OTHERS}"),
        "tests/run.sh": f"{_TESTS}{test}{_END}",
    }
