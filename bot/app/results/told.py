"""Findings that a suite prints: `::error file=src/a.js,line=3::message`.

The form is that of GitHub's workflow commands (docs.github.com, "Workflow commands for GitHub Actions").
"""

import re
from typing import Final

from bot.app.results import MESSAGE_MAX
from bot.domain.checks import Annotation
from bot.domain.texts import one_line, plain

_COMMAND: Final = re.compile(rb"\s*::(error|warning|notice)(?: ([^\r\n]{0,4000}?))?::([^\r\n]{0,8000})")
_LEVELS: Final = {b"error": "failure", b"warning": "warning", b"notice": "notice"}
_CODES: Final = (("%0D", ""), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_DIGITS: Final = 7


def finding(line: bytes) -> Annotation | None:
    """None unless it names a file."""
    found = _COMMAND.match(line)
    if not found:
        return None
    given = dict(_pair(part) for part in (found[2] or b"").decode(errors="replace").split(","))
    message = plain(_decoded(found[3].decode(errors="replace")))[:MESSAGE_MAX].strip()
    if not given.get("file"):
        return None
    line_number = _number(given, "line") or 1
    return Annotation(
        path=given["file"],
        line=line_number,
        end_line=_number(given, "endLine"),
        column=_number(given, "col"),
        end_column=_number(given, "endColumn"),
        message=message or "no message",
        title=one_line(given.get("title", ""), 200),
        level=_LEVELS[found[1]],
    )


def _pair(part: str) -> tuple[str, str]:
    key, _, value = part.partition("=")
    return key.strip(), _decoded(value.strip())


def _decoded(text: str) -> str:
    for code, character in _CODES:
        text = text.replace(code, character)
    return text


def _number(given: dict[str, str], name: str) -> int:
    text = given.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else 0
