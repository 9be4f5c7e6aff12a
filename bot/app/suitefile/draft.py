"""One suite as its own lines say, before `extends`, `defaults` and the matrix."""

from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Final

from bot.app.suitefile import amounts, keys, placeholders, values
from bot.app.suitefile.commands import Commands, commands
from bot.app.suitefile.env import env, secrets
from bot.app.suitefile.fields import Fields, fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.images import image
from bot.app.suitefile.matrix import Matrix, matrix
from bot.app.suitefile.outputs import ArtifactsDraft, CacheDraft, ReportsDraft, artifacts, cache, reports, retry
from bot.app.suitefile.reading import Node, Text
from bot.app.suitefile.when import WhenDraft, when

RETRIES_MAX: Final = 3
SHARDS_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Each field is called as its key; None: not said, or said wrongly. Texts may hold placeholders."""

    name: Text
    there: frozenset[str]
    """The keys that are written."""
    description: Text | None = None
    extends: Text | None = None
    environment: Text | None = None
    image: Text | None = None
    matrix: Matrix | None = None
    services: tuple[Text, ...] | None = None
    env: Table[str, str] | None = None
    secrets: tuple[Text, ...] | None = None
    run: Commands | None = None
    timeout: int | None = None
    no_output_timeout: int | None = None
    retries: int | None = None
    retry: Text | None = None
    """Its `select`."""
    shards: int | None = None
    needs: tuple[Text, ...] | None = None
    runs_on: tuple[Text, ...] | None = None
    allow_failure: bool | None = None
    reports: ReportsDraft | None = None
    artifacts: ArtifactsDraft | None = None
    cache: CacheDraft | None = None
    when: WhenDraft | None = None

    @property
    def where(self) -> str:
        return f"suites.{quoted(self.name.value)[1:-1]}"


def draft(name: Text, node: Node, found: Findings, *, has_image: bool) -> Draft:
    """`has_image`: the defaults name an environment."""
    values.check_name(name, "a suite", found)
    bare = Draft(name=name, there=frozenset())
    table = values.mapping(node, bare.where, found, 'a suite has at least "image" and "run"')
    if table is None:
        return bare
    given = fields(table, keys.SUITE, bare.where, found)
    _check_missing(name, given, found, has_image=has_image)
    one = _read(name, given)
    if {"image", "environment"} <= given.there and (shown := one.environment or one.image):
        found.add("C104", shown.place, f'{one.where}: "image" and "environment" exclude each other')
    return one


def _check_missing(name: Text, given: Fields, found: Findings, *, has_image: bool) -> None:
    """Through `extends` the other suite brings what is missing, or lacks it itself."""
    if not given.there & {"image", "environment", "extends"} and not has_image:
        advice = 'write it like "image: python:3.12-slim"'
        found.add("C102", name.place, f'{given.where}: "image" is missing', advice)
    if not given.there & {"run", "extends"}:
        found.add("C102", name.place, f'{given.where}: "run" is missing')


def _read(name: Text, given: Fields) -> Draft:
    return Draft(
        name=name,
        there=given.there,
        description=given.get("description", placeholders.template),
        extends=given.get("extends", values.text),
        environment=given.get("environment", placeholders.template),
        image=given.get("image", image),
        matrix=given.get("matrix", matrix),
        services=given.get("services", _services),
        env=given.get("env", env),
        secrets=given.get("secrets", secrets),
        run=given.get("run", commands),
        timeout=given.get("timeout", amounts.duration(amounts.TIMEOUT_MAX)),
        no_output_timeout=given.get("no_output_timeout", amounts.duration(amounts.TIMEOUT_MAX)),
        retries=given.get("retries", values.integer(0, RETRIES_MAX)),
        retry=given.get("retry", retry),
        shards=given.get("shards", values.integer(1, SHARDS_MAX)),
        needs=given.get("needs", values.names),
        runs_on=given.get("runs_on", _labels),
        allow_failure=given.get("allow_failure", values.boolean),
        reports=given.get("reports", reports),
        artifacts=given.get("artifacts", artifacts),
        cache=given.get("cache", cache),
        when=given.get("when", when),
    )


def _services(node: Node, where: str, found: Findings) -> tuple[Text, ...] | None:
    nodes = values.items(node, where, found)
    return None if nodes is None else _templates(nodes, where, found)


def _labels(node: Node, where: str, found: Findings) -> tuple[Text, ...] | None:
    """One, or a list of them."""
    words = _templates((node,) if isinstance(node, Text) else values.items(node, where, found) or (), where, found)
    for word in words:
        if word.placeholder is None:
            values.check_label(word.value, word, where, found)
    return words


def _templates(nodes: Iterable[Node], where: str, found: Findings) -> tuple[Text, ...]:
    words = (word for one in nodes if (word := placeholders.template(one, where, found)) is not None)
    return tuple({word.value: word for word in words}.values())


def defaults(node: Node, where: str, found: Findings) -> Draft | None:
    """The few keys that hold for every suite that doesn't say them."""
    table = values.mapping(node, where, found)
    if table is None:
        return None
    given = fields(table, keys.DEFAULTS, where, found)
    return Draft(
        name=Text(where, table.place),
        there=given.there,
        environment=given.get("environment", values.text),
        timeout=given.get("timeout", amounts.duration(amounts.TIMEOUT_MAX)),
        env=given.get("env", env),
        retries=given.get("retries", values.integer(0, RETRIES_MAX)),
        artifacts=given.get("artifacts", artifacts),
    )
