"""Problems of a suite file as a compiler would print them: place, line, caret, help."""

from collections.abc import Iterator, Sequence
from typing import Final

from bot.domain.errors import Problem
from bot.domain.texts import plain

_WIDTH: Final = 110
"""Characters of a source line that are shown; of a longer one the part around the problem."""


def render_text(path: str, data: bytes, problems: Sequence[Problem]) -> str:
    """The listing for a terminal; `data` are the bytes that the problems were found in."""
    lines = data.decode("utf-8-sig", errors="replace").split("\n")
    return "".join(f"{line}\n" for problem in problems for line in _listing(path, lines, problem))


def severity(problem: Problem) -> str:
    """`error` or `warning`."""
    return "warning" if problem.code.startswith("W") else "error"


def _listing(path: str, lines: Sequence[str], problem: Problem) -> Iterator[str]:
    yield f"{path}:{problem.line}:{problem.column}: {severity(problem)} {problem.code}: {problem.message}"
    if problem.line <= len(lines) and (source := _shown(lines[problem.line - 1])).strip():
        start = max(0, problem.column - _WIDTH // 2) if len(source) > _WIDTH else 0
        number = f"{problem.line:>5}"
        yield f"{number} | {source[start : start + _WIDTH].rstrip()}"
        yield f"{' ' * len(number)} | {' ' * (problem.column - 1 - start)}^"
    if problem.help:
        yield f"      = help: {problem.help}"


def _shown(line: str) -> str:
    """As many characters as the line has, none of which a terminal acts upon."""
    return "".join(" " if char == "\t" else plain(char) or "\N{REPLACEMENT CHARACTER}" for char in line.rstrip("\r"))
