"""The repository `demo/hello` of the pretend forge, and what its people do there."""

from typing import Final, Generic

from bot.demo.stage import C, Stage

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


class Hello(Generic[C]):
    def __init__(self, stage: Stage[C]) -> None:
        self._stage = stage
        self._opened = 0
        stage.add_repository(PATH, FILES, writer=PERSON, stranger=STRANGER)
        stage.offer(
            {
                f"Open a {stage.word}": self.open,
                f"Open a {stage.word} as a stranger": self.open_as_stranger,
            },
            {"Break it": self.break_it, "Fix it": self.fix_it, "Close": self.close},
        )

    def open(self) -> C:
        """A change that passes, on a branch of its own."""
        return self._open(PERSON, "Say hello in German", _speaking("German", "de", "Hallo"))

    def open_as_stranger(self) -> C:
        """From a fork, by somebody without any right in the repository."""
        return self._open(STRANGER, "Say hello in Spanish", _speaking("Spanish", "es", "Hola"))

    def renew_certificate(self, moment: int) -> C:
        """A change whose test fails before that moment (seconds since 1970) and passes from then on."""
        return self._open(PERSON, "Renew the certificate", {"certificate": f"{moment}\n"})

    def break_it(self, change: C) -> None:
        self._stage.replace(change, "hello.sh", _RIGHT, _WRONG, "Tidy up the French greeting")

    def fix_it(self, change: C) -> None:
        self._stage.replace(change, "hello.sh", _WRONG, _RIGHT, "Spell Bonjour as the French do")

    def close(self, change: C) -> None:
        self._stage.close(change, PERSON)

    def _open(self, author: str, title: str, files: dict[str, str]) -> C:
        self._opened += 1
        branch = f"{title.rsplit(maxsplit=1)[-1].lower()}-{self._opened}"
        return self._stage.open(branch, title, files, author, forked=author == STRANGER)


def _speaking(language: str, code: str, word: str) -> dict[str, str]:
    """The files that change when hello.sh learns a language."""
    test = f"expect 'speaks {language}' '{word}, Ada!' env LANG={code} sh hello.sh Ada\n"
    return {
        "hello.sh": _PROGRAM.replace(_OTHERS, f"  {code}*) word={word} ;;\n{_OTHERS}"),
        "tests/run.sh": f"{_TESTS}{test}{_END}",
    }
