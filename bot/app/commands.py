"""Finding commands in a comment: only where its Markdown is plain text at the start of a line (BEHAVIOUR §2)."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.domain.commands import (
    Bisect,
    Cancel,
    Command,
    Explain,
    Help,
    Misunderstood,
    OkToTest,
    Override,
    Retest,
    RunAnew,
    Scope,
    Skip,
    Start,
    Status,
)

MOST: Final = 5
"""Commands that one comment may hold."""
_LONGEST: Final = 65536
_LINE: Final = re.compile(r"/([A-Za-z][A-Za-z-]*)(?:[ \t]+(.*))?")
_NEAR: Final = 2
_OURS: Final = "assay"
_SHA_SCOPES: Final = {"pr": Scope.CHANGE, "stop": Scope.STOP, "once": Scope.COMMIT}
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": True, "maxNesting": 20})
_FAILED_TESTS: Final = "failed-tests"


def parse(text: str | None, *, bare: bool = True) -> tuple[Command, ...]:
    """The commands of a comment in their order.

    `bare`: the short forms (`/retest`) count as well as `/assay retest`. A word that is none of ours is somebody
    else's, unless it stands behind `/assay` or is the whole comment and a near miss.
    """
    lines = list(_plain_lines((text or "")[:_LONGEST]))
    found = [command for line in lines if (command := _command(line, bare=bare)) is not None]
    if not found and bare and len(lines) == 1 and (guess := _near_miss(lines[0])):
        return (Misunderstood(f"Did you mean `/{guess}`? `/assay help` lists the commands."),)
    if len(found) > MOST:
        return (Misunderstood(f"A comment may hold at most {MOST} commands; this one has {len(found)}."),)
    return tuple(found)


def _plain_lines(text: str) -> Iterator[str]:
    """Lines of top-level paragraphs that begin with text: no quotes, code, HTML, links, lists or headings."""
    tokens = _MARKDOWN.parse(text)
    for before, token in pairwise(tokens):
        if token.type == "inline" and before.type == "paragraph_open" and before.level == 0:
            yield from _lines_of(token.children or [])


def _lines_of(children: list[Token]) -> Iterator[str]:
    """Lines that begin with text, as they were written: `*` of a glob may have been read as markup."""
    line: list[str] = []
    is_text = False
    for child in [*children, Token("softbreak", "", 0)]:
        if child.type not in ("softbreak", "hardbreak"):
            line.append(child.markup + child.content)
            is_text = is_text if len(line) > 1 else child.type == "text" and child.level == 0
        elif line:
            if is_text:
                yield "".join(line)
            line = []


def _command(line: str, *, bare: bool) -> Command | None:
    match = _LINE.fullmatch(line.rstrip())
    if not match:
        return None
    word, rest = match[1].lower(), (match[2] or "").strip()
    if word == _OURS:
        first, _, rest = rest.partition(" ")
        reader = {**_READERS, **_OUR_READERS}.get(first.lower().removeprefix("/"))
        if reader is None:
            return Misunderstood(f"I don't know `{_safe(first)}`. `/assay help` lists the commands.")
        return reader(rest.split())
    return _READERS[word](rest.split()) if bare and word in _READERS else None


def _near_miss(line: str) -> str:
    match = _LINE.fullmatch(line.rstrip())
    if not match or match[1].lower() == _OURS:
        return ""
    word = match[1].lower()
    alike = [name for name in _READERS if abs(len(word) - len(name)) <= _NEAR]
    return min(
        (name for name in alike if _distance(word, name) <= _NEAR),
        key=lambda name: _distance(word, name),
        default="",
    )


def _distance(one: str, other: str) -> int:
    """Letters to add, drop or exchange (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        last, row[0] = row[0], number
        for place, wanted in enumerate(other, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (letter != wanted))
    return row[-1]


def _retest(words: list[str]) -> Command:
    suites = tuple(word for word in words if word.lower() != _FAILED_TESTS)
    return Retest(suites, failed_tests=len(suites) < len(words))


def _test(words: list[str]) -> Command:
    suites = tuple(word for word in words if "=" not in word)
    axes = tuple((axis, value) for axis, equals, value in (word.partition("=") for word in words) if equals)
    if wrong := next((f"{axis}={value}" for axis, value in axes if not axis or not value), None):
        return Misunderstood(f"`{_safe(wrong)}`: write it like `python=3.12`.")
    if axes and not suites:
        return Misunderstood("Name the suites whose cells you mean:", "test SUITE AXIS=VALUE")
    return RunAnew(suites, tuple(dict.fromkeys(axes)))


def _run(words: list[str]) -> Command:
    return Start(words[0]) if len(words) == 1 else Misunderstood("Name one suite:", "run SUITE")


def _cancel(words: list[str]) -> Command:
    return Cancel(tuple(words))


def _ok_to_test(words: list[str]) -> Command:
    if len(words) > 1:
        return Misunderstood("Give the full id of the head commit, `pr` or `stop`:", "ok-to-test SHA")
    word = words[0].lower() if words else "once"
    return OkToTest(_SHA_SCOPES[word]) if word in _SHA_SCOPES else OkToTest(sha=word)


def _skip(words: list[str]) -> Command:
    return Skip(words[0]) if len(words) == 1 else Misunderstood("Name one suite:", "skip SUITE")


def _override(words: list[str]) -> Command:
    if len(words) < 2:  # noqa: PLR2004  # a suite and at least one word of the reason
        return Misunderstood("Give a suite and the reason:", "override SUITE REASON")
    return Override(words[0], " ".join(words[1:])[:500])


def _explain(words: list[str]) -> Command:
    return Explain(words[0] if words else "")


def _bisect(words: list[str]) -> Command:
    return Bisect(*words) if len(words) <= 1 else Misunderstood("Name one suite at most:", "assay bisect SUITE")


def _safe(word: str) -> str:
    return re.sub(r"[^\w.=/*-]", "?", word)[:60]


_READERS: Final[Mapping[str, Callable[[list[str]], Command]]] = {
    "retest": _retest,
    "test": _test,
    "run": _run,
    "cancel": _cancel,
    "ok-to-test": _ok_to_test,
    "skip": _skip,
    "override": _override,
}
_OUR_READERS: Final[Mapping[str, Callable[[list[str]], Command]]] = {
    "bisect": _bisect,
    "status": lambda _: Status(),
    "explain": _explain,
    "help": lambda _: Help(),
    "": lambda _: Help(),
}
