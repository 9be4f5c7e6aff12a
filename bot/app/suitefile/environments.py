"""`environments` and `services`: named containers, of suites and beside them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from bot.app.suitefile import amounts, keys, values
from bot.app.suitefile.env import env
from bot.app.suitefile.fields import Fields, fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.images import image
from bot.app.suitefile.placeholders import template
from bot.app.suitefile.reading import Node, Text
from bot.domain.suites import Network, Ready

T = TypeVar("T")

_USER: Final = re.compile(r"[1-9][0-9]{0,8}(?::[1-9][0-9]{0,8})?")
_ROOT: Final = re.compile(r"(?:0|root)(?::.*)?|[^:]*:(?:0|root)")
_NEVER_ROOT: Final = "no suite runs as root: what it left would be root's on the server, too"
_HTTP: Final = re.compile(r"[1-9][0-9]{0,4}(?:/[!-~]*)?")
_PORT_MAX: Final = 65535
_RESERVED: Final = "localhost"


@dataclass(frozen=True, slots=True)
class Environment:
    name: Text
    image: Text | None
    cpus: float | None
    memory: int | None
    disk: int | None
    network: Network | None
    user: str
    workdir: Text | None
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    name: Text
    image: Text | None
    env: Mapping[str, str]
    command: str | None
    memory: int | None
    ready: Ready | None


def environments(node: Node, where: str, found: Findings) -> dict[str, Environment]:
    return _named(node, where, found, keys.ENVIRONMENT, "an environment", _environment)


def services(node: Node, where: str, found: Findings) -> dict[str, ServiceDraft]:
    return _named(node, where, found, keys.SERVICE, "a service", _service)


def _named(
    node: Node, where: str, found: Findings, known: keys.Keys, what: str, read: Callable[[Text, Fields], T]
) -> dict[str, T]:
    table = values.mapping(node, where, found, f"each key is the name of {what}")
    result = {}
    for name, value in table.entries if table else ():
        values.check_name(name, what, found)
        way = f"{where}.{quoted(name.value)[1:-1]}"
        one = values.mapping(value, way, found, f'{what} has at least "image"')
        if one is None:
            continue
        given = fields(one, known, way, found)
        if "image" not in given.there:
            found.add("C102", name.place, f'{way}: "image" is missing', 'write it like "image: python:3.12-slim"')
        result[name.value] = read(name, given)
    return result


def _environment(name: Text, given: Fields) -> Environment:
    return Environment(
        name=name,
        image=given.get("image", image),
        cpus=given.get("cpus", amounts.cpus),
        memory=given.get("memory", amounts.size),
        disk=given.get("disk", amounts.size),
        network=given.get("network", values.choice(Network)),
        user=given.get("user", _user) or "",
        workdir=given.get("workdir", _workdir),
        env=given.get("env", env) or {},
    )


def _user(node: Node, where: str, found: Findings) -> str | None:
    word = values.text(node, where, found)
    if word is None:
        return None
    if _USER.fullmatch(word.value):
        return word.value
    is_root = _ROOT.fullmatch(word.value)
    advice = _NEVER_ROOT if is_root else "a name could mean root in somebody's image"
    rule = "write the number of a user that is not root, as 1000 or 1000:1000"
    found.add("C109", word.place, f"{where}: {rule}, not {values.as_written(word)}", advice)
    return None


def _workdir(node: Node, where: str, found: Findings) -> Text | None:
    word = template(node, where, found)
    if word is None:
        return None
    fault = values.line_fault(word.value) or folder_fault(word.value)
    if fault:
        found.add("C109", word.place, f"{where}: {fault}")
        return None
    return word


def folder_fault(path: str) -> str:
    """Why it is no folder below the root of the commit, or nothing."""
    if path.startswith(("/", "~")) or ".." in path.split("/"):
        return f"{quoted(path)} leaves the checked-out commit: paths count from its root"
    return ""


def _service(name: Text, given: Fields) -> ServiceDraft:
    if name.value == _RESERVED:
        given.found.add("C111", name.place, f'a service can\'t be called "{_RESERVED}"')
    command = given.get("command", values.line)
    return ServiceDraft(
        name=name,
        image=given.get("image", image),
        env=given.get("env", env) or {},
        command=command.value if command else None,
        memory=given.get("memory", amounts.size),
        ready=given.get("ready", _ready),
    )


def _ready(node: Node, where: str, found: Findings) -> Ready | None:
    table = values.mapping(node, where, found, 'write it like "{tcp: 5432}"')
    if table is None:
        return None
    given = fields(table, keys.READY, where, found)
    probes = given.there & {"tcp", "http", "command"}
    if not probes:
        found.add("C102", table.place, f'{where}: one of "tcp", "http" and "command" is missing')
    elif len(probes) > 1:
        found.add("C104", table.place, f"{where}: {' and '.join(sorted(probes))} exclude each other")
    command = given.get("command", values.line)
    within = amounts.duration(amounts.WITHIN_MAX, "the wait for a service")
    return Ready(
        tcp=given.get("tcp", values.integer(1, _PORT_MAX)),
        http=given.get("http", _http),
        command=command.value if command else None,
        within=given.get("within", within) or Ready().within,
    )


def _http(node: Node, where: str, found: Findings) -> str | None:
    word = values.line(node, where, found)
    if word is None:
        return None
    port = word.value.partition("/")[0]
    if _HTTP.fullmatch(word.value) and int(port) <= _PORT_MAX:
        return word.value
    found.add("C109", word.place, f'{where}: write the port and the path, like "8080/health"')
    return None
