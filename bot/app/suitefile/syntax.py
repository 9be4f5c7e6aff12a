"""What PyYAML says about broken YAML, in words that tell what to do."""

from typing import Final

import yaml

from bot.app.suitefile.findings import START, Place

_QUOTE: Final = "quote the whole text"
_CHARACTERS: Final = {
    "\t": ("a tab can't be used for indentation", "use spaces"),
    "%": ('a text can\'t begin with "%"', _QUOTE),
    "@": ('a text can\'t begin with "@"', _QUOTE),
    "`": ('a text can\'t begin with "`"', _QUOTE),
}
_ESCAPE: Final = 'in double quotes "\\" begins an escape; use single quotes or a | block'
_PROBLEMS: Final = (
    ("mapping values are not allowed", "", 'a value that holds ": " must be quoted, or written as a | block'),
    ("unknown escape character", "", _ESCAPE),
    ("expected escape sequence", "", _ESCAPE),
    ("expected alphabetic or numeric", 'a text can\'t begin with "*" or "&"', _QUOTE),
    ("expected <block end>", "this line fits to no list or mapping above it", "is it in the right column?"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing before this", ""),
    ("could not find expected ':'", "this is no key: there is no colon", "is the indentation of the lines right?"),
    ("unexpected end of stream", "the quotation mark here is never closed", ""),
    ("unexpected document separator", "the quotation mark here is never closed", ""),
)
_AT_ITS_BEGINNING: Final = ("quoted scalar", "simple key", "scanning a tag", "parsing a tag")
"""What is better shown where it begins than where the reading had to end."""


def explain(error: yaml.MarkedYAMLError, text: str) -> tuple[Place, str, str]:
    """The place, a message and a help for a syntax error of that text."""
    problem, context = error.problem or "this is not YAML", error.context or ""
    mark = error.problem_mark or error.context_mark
    if "escape" not in problem and any(part in context for part in _AT_ITS_BEGINNING):
        mark = error.context_mark or mark
    if mark is None:
        return START, problem, ""
    return Place(mark.line + 1, mark.column + 1, mark.column + 2), *_words(problem, context, text[mark.index :][:1])


def _words(problem: str, context: str, character: str) -> tuple[str, str]:
    if "cannot start any token" in problem and character in _CHARACTERS:
        return _CHARACTERS[character]
    if "tag" in context:
        return 'a text can\'t begin with "!"', _QUOTE
    for part, message, advice in _PROBLEMS:
        if part in problem:
            return message or problem, advice
    return problem, ""
