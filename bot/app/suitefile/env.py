"""`env` and `secrets`: variables of the container, and the names that are not for suites (RELIABILITY §8, S046)."""

import re
from collections.abc import Mapping
from typing import Final

from bot.app.suitefile import values
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Node, Text

ENV_MAX: Final = 64 * 1024
"""Bytes of all names and values of a suite."""

_ADVICE: Final = "a matrix' values are variables already: $MATRIX_NAME"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SECRET: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_OURS: Final = re.compile(r"CI|ASSAY|ASSAY_.*|MATRIX_.*")
_REFUSED: Final = re.compile(
    r"LD_.*|PATH|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|IFS|PS4|DOCKER_HOST"
    r"|GIT_(?!(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)$).*"
    r"|(?i:(?:HTTP|HTTPS|FTP|ALL|NO)_PROXY)"
)
"""They change how the script's own shell starts, or how the server reaches the network."""


def env(node: Node, where: str, found: Findings) -> Mapping[str, str] | None:
    table = values.mapping(node, where, found, 'write a line "NAME: value" for each variable')
    if table is None:
        return None
    variables = {}
    for name, value in table.entries:
        check_variable(name, where, found)
        word = values.text(value, f"{where}.{quoted(name.value)[1:-1]}", found, _ADVICE)
        if word is not None:
            variables[name.value] = word.value
    if size(variables) > ENV_MAX:
        found.add("C110", table.place, f"{where}: the variables have at most {ENV_MAX // 1024} KiB together")
    return variables


def size(variables: Mapping[str, str]) -> int:
    """Bytes."""
    return sum(len(part.encode("utf-8", "replace")) for pair in variables.items() for part in pair)


def check_variable(name: Text, where: str, found: Findings) -> None:
    shown = quoted(name.value)
    if not _NAME.fullmatch(name.value):
        advice = "letters, digits and _, not a digit first, at most 64"
        found.add("C110", name.place, f"{where}: {shown} is not the name of a variable", advice)
    elif _OURS.fullmatch(name.value):
        found.add("C110", name.place, f"{where}: {shown} is set by Assay", "choose another name")
    elif _REFUSED.fullmatch(name.value):
        advice = f"set it in the script: export {name.value}=…"
        found.add("C110", name.place, f"{where}: {shown} can't be set here", advice)


def secrets(node: Node, where: str, found: Findings) -> tuple[Text, ...] | None:
    """Names of secrets, which become variables of the same names."""
    names = values.names(node, where, found)
    for name in names or ():
        if _SECRET.fullmatch(name.value):
            check_variable(name, where, found)
        else:
            advice = "capital letters, digits and _, a letter first, at most 64"
            found.add("C113", name.place, f"{where}: {quoted(name.value)} is not the name of a secret", advice)
    return names
