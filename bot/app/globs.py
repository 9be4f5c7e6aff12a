"""Which paths and branches the globs of a suite file match, in time that grows with their length only.

Globs and paths both come from people who may mean harm, so RE2 runs the regular expressions: it never
backtracks.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import re2  # type: ignore[import-untyped]  # comes without types
from pathspec import PathSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

_KEPT: Final = 512
"""Compiled lists of globs that are remembered."""
_TOKEN: Final = re.compile(r"\*{2,}|.", re.DOTALL)
_WILD: Final = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


def matches(globs: Sequence[str], path: str) -> bool:
    """Does gitignore's language match the path? The last glob that does decides; `!` before it means no.

    A glob with a slash counts from the root, one without matches at any depth; what matches a folder matches all
    that is in it.
    """
    return _path_spec(tuple(globs)).match_file(_usable(path))


def matches_branch(globs: Sequence[str], branch: str) -> bool:
    """Does the whole name match? `*` and `?` stay within one level, `**` does not. The last glob decides as above."""
    name = _usable(branch)
    decision = False
    for is_wanted, pattern in _branch_patterns(tuple(globs)):
        if pattern.fullmatch(name):
            decision = is_wanted
    return decision


def matches_test(globs: Sequence[str], name: str) -> bool:
    """Does one of them match the whole name of a test? `*` is any text, `?` any character."""
    name = _usable(name)
    return any(pattern.fullmatch(name) for pattern in _test_patterns(tuple(globs)))


def matches_image(globs: Sequence[str], image: str) -> bool:
    """As for branches: `python:*` has every tag, `ghcr.io/acme/**` all that is below."""
    return matches_branch(globs, image)


def path_fault(glob: str) -> str:
    """Why no path can ever match this glob, or nothing."""
    parts = glob.removeprefix("!").split("/")
    if parts[0] in (".", "~") or ".." in parts:
        return "paths count from the repository's root: write it without ./ or ../"
    if "\n" in glob or "\0" in glob:
        return "a glob is one line"
    if glob.startswith("#"):
        return r"a glob that begins with # is a comment: write \#"
    try:
        spec = _path_spec((glob,))
    except (ValueError, re.error, re2.error):
        return "this is not a glob as in .gitignore"
    return "" if any(pattern.include is not None for pattern in spec.patterns) else "this glob matches nothing"


def branch_fault(glob: str) -> str:
    """Why no branch can ever match this glob, or nothing."""
    name = glob.removeprefix("!")
    if not name:
        return "this glob matches nothing"
    if name.startswith("refs/"):
        return "write the branch's name alone, without refs/heads/"
    return "a branch's name can't begin or end with /" if name[0] == "/" or name[-1] == "/" else ""


def label_fault(glob: str) -> str:
    """Why no label can ever match this glob, or nothing. Labels are matched like branches."""
    if not glob.strip():
        return "this glob matches nothing"
    return "a label can't be excluded" if glob.startswith("!") else ""


@lru_cache(_KEPT)
def _path_spec(globs: tuple[str, ...]) -> PathSpec[GitIgnoreSpecPattern]:
    return PathSpec.from_lines(GitIgnoreSpecPattern, globs, backend="re2")


@lru_cache(_KEPT)
def _branch_patterns(globs: tuple[str, ...]) -> "tuple[tuple[bool, re2._Regexp], ...]":
    return tuple((not glob.startswith("!"), _branch_pattern(glob.removeprefix("!"))) for glob in globs)


@lru_cache(_KEPT)
def _test_patterns(globs: tuple[str, ...]) -> "tuple[re2._Regexp, ...]":
    wild = {"*": ".*", "?": "."}
    return tuple(re2.compile("".join(wild.get(one) or re2.escape(one) for one in glob)) for glob in globs)


def _branch_pattern(glob: str) -> "re2._Regexp":
    parts = (_WILD.get(token[:2]) or re2.escape(token) for token in _TOKEN.findall(glob))
    return re2.compile("".join(parts))


def _usable(name: str) -> str:
    """RE2 takes valid Unicode only, and its `.` no line end; git allows both in names."""
    return name.encode("utf-8", "replace").decode().replace("\n", " ")
