"""`reports`, `artifacts` and `cache`: what is taken out of a run, and what is brought into the next."""

from dataclasses import dataclass
from typing import Final

from bot.app.suitefile import amounts, keys, patterns, values
from bot.app.suitefile.environments import folder_fault
from bot.app.suitefile.fields import fields
from bot.app.suitefile.findings import Findings, Place
from bot.app.suitefile.placeholders import key_template, template
from bot.app.suitefile.reading import Node, Text
from bot.domain.suites import Store

_SELECT_MAX: Final = 16_000


@dataclass(frozen=True, slots=True)
class ReportsDraft:
    junit: tuple[Text, ...]
    tap: tuple[Text, ...]
    coverage: tuple[Text, ...]
    sarif: tuple[Text, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class ArtifactsDraft:
    """None: not said here; the defaults may say it."""

    place: Place
    paths: tuple[Text, ...] | None = None
    store: Store | None = None
    keep: int | None = None
    link: Text | None = None


@dataclass(frozen=True, slots=True)
class CacheDraft:
    key: Text
    paths: tuple[Text, ...]


def retry(node: Node, where: str, found: Findings) -> Text | None:
    table = values.mapping(node, where, found, 'write it like "{select: pytest $ASSAY_TESTS}"')
    if table is None:
        return None
    given = fields(table, keys.RETRY, where, found)
    if "select" not in given.there:
        found.add("C102", table.place, f'{where}: "select" is missing')
    return given.get("select", _select)


def _select(node: Node, where: str, found: Findings) -> Text | None:
    word = values.text(node, where, found)
    if word is not None and (not word.value.strip() or len(word.value) > _SELECT_MAX or "\0" in word.value):
        found.add("C109", word.place, f"{where}: this must be a script of at most {_SELECT_MAX} characters")
        return None
    return word


def reports(node: Node, where: str, found: Findings) -> ReportsDraft | None:
    table = values.mapping(node, where, found, 'write it like "{junit: reports/*.xml}"')
    if table is None:
        return None
    given = fields(table, keys.REPORTS, where, found)
    return ReportsDraft(
        junit=given.get("junit", patterns.paths) or (),
        tap=given.get("tap", patterns.paths) or (),
        coverage=given.get("coverage", patterns.paths) or (),
        sarif=given.get("sarif", patterns.paths) or (),
        optional=given.get("optional", values.boolean) or False,
    )


def artifacts(node: Node, where: str, found: Findings) -> ArtifactsDraft | None:
    table = values.mapping(node, where, found, 'write it like "{paths: [dist/]}"')
    if table is None:
        return None
    given = fields(table, keys.ARTIFACTS, where, found)
    return ArtifactsDraft(
        place=table.place,
        paths=given.get("paths", patterns.paths),
        store=given.get("store", values.choice(Store)),
        keep=given.get("keep", amounts.duration(amounts.KEEP_MAX, "the time to keep artifacts")),
        link=given.get("link", _file),
    )


def _file(node: Node, where: str, found: Findings) -> Text | None:
    word = template(node, where, found)
    if word is None:
        return None
    fault = values.line_fault(word.value) or folder_fault(word.value)
    if fault:
        found.add("C109", word.place, f"{where}: {fault}")
        return None
    return word


def cache(node: Node, where: str, found: Findings) -> CacheDraft | None:
    table = values.mapping(node, where, found, 'write it like "{key: npm, paths: [.npm]}"')
    if table is None:
        return None
    given = fields(table, keys.CACHE, where, found)
    for missing in sorted({"key", "paths"} - given.there):
        found.add("C102", table.place, f'{where}: "{missing}" is missing')
    key, paths = given.get("key", _key), given.get("paths", patterns.paths)
    return CacheDraft(key, paths) if key and paths else None


def _key(node: Node, where: str, found: Findings) -> Text | None:
    word = key_template(node, where, found)
    if word is None:
        return None
    if fault := values.line_fault(word.value):
        found.add("C109", word.place, f"{where}: {fault}")
        return None
    return word
