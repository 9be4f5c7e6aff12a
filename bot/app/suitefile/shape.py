"""From the tree to the suites: every key is looked at once, and every problem is found in the one pass."""

import re
from typing import Final

from bot.app.suitefile import keys, values
from bot.app.suitefile.commands import commands
from bot.app.suitefile.env import env
from bot.app.suitefile.fields import Fields, fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Mapping, Node, Text
from bot.app.suitefile.when import when
from bot.domain.suites import Suite, When

SUITES_MAX: Final = 100

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_DEFAULT: Final = Suite(name="", image="", commands=())


def suites_of(root: Node, found: Findings) -> tuple[Suite, ...]:
    """In the order of the file; what is returned counts only if `found` stayed empty."""
    table = values.mapping(root, "the file", found, 'it begins with "suites:"')
    if table is None:
        return ()
    given = fields(table, keys.FILE, "", found)
    given.get("version", _version)
    if "suites" not in given.nodes:
        found.add("C102", table.place, '"suites" is missing')
    has_defaults = "defaults" in given.nodes
    listed = given.get("suites", _listed) or ()
    return tuple(_suite(name, node, found, has_defaults=has_defaults) for name, node in listed)


def _version(node: Node, where: str, found: Findings) -> None:
    word = values.text(node, where, found)
    if word is not None and word.value != "1":
        found.add("C109", word.place, f"{where}: the one version of this format is 1, not {quoted(word.value)}")


def _listed(node: Node, where: str, found: Findings) -> tuple[tuple[Text, Node], ...]:
    table = values.mapping(node, where, found, "each suite is a key: its name")
    if table is None:
        return ()
    if not table.entries:
        found.add("C109", table.place, f"{where}: there is no suite")
    if len(table.entries) > SUITES_MAX:
        found.stop("C007", table.entries[SUITES_MAX][0].place, f"a file has at most {SUITES_MAX} suites")
    return table.entries


def _suite(name: Text, node: Node, found: Findings, *, has_defaults: bool) -> Suite:
    _check_name(name, found)
    where = f"suites.{quoted(name.value)[1:-1]}"
    table = values.mapping(node, where, found, 'a suite has at least "image" and "run"')
    if table is None:
        return _DEFAULT
    given = fields(table, keys.SUITE, where, found)
    _check_missing(name, table, where, found, has_defaults=has_defaults)
    return _read(name, given)


def _check_name(name: Text, found: Findings) -> None:
    if not _NAME.fullmatch(name.value):
        lower = name.value.lower()
        rule = "small letters, digits, . _ and -, a letter or digit first, at most 63"
        advice = f'write it "{lower}"' if _NAME.fullmatch(lower) else rule
        found.add("C111", name.place, f"{quoted(name.value)} can't be the name of a suite", advice)


def _check_missing(name: Text, table: Mapping, where: str, found: Findings, *, has_defaults: bool) -> None:
    """A key of a later version that would bring the missing one has its own problem; nothing is said twice."""
    there = {key.value for key, _ in table.entries}
    if not there & {"image", "environment", "extends"} and not has_defaults:
        found.add("C102", name.place, f'{where}: "image" is missing', 'write it like "image: python:3.12-slim"')
    if not there & {"run", "extends"}:
        found.add("C102", name.place, f'{where}: "run" is missing')


def _read(name: Text, given: Fields) -> Suite:
    given.get("description", values.text)
    script = given.get("run", commands)
    return Suite(
        name=name.value,
        image=given.get("image", values.image) or "",
        commands=script.lines if script else (),
        is_script=script.is_script if script else True,
        env=given.get("env", env) or {},
        timeout=given.get("timeout", values.timeout) or _DEFAULT.timeout,
        allow_failure=given.get("allow_failure", values.boolean) or False,
        when=given.get("when", when) or When(),
        line=name.place.line,
    )
