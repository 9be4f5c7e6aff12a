"""From the tree to the suite file: every key is looked at once, and every problem is found in the one pass."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from bot.app.suitefile import keys, policies, values
from bot.app.suitefile.cells import Surroundings, suites
from bot.app.suitefile.doubts import doubts
from bot.app.suitefile.draft import Draft, defaults, draft
from bot.app.suitefile.environments import environments, services
from bot.app.suitefile.fields import Fields, fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.merging import merged
from bot.app.suitefile.quarantine import quarantine
from bot.app.suitefile.reading import Node, Text
from bot.app.suitefile.references import check_containers, check_needs
from bot.domain.suites import PullRequests, SuiteFile

SUITES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class _Drafts:
    suites: dict[str, Draft]
    defaults: Draft | None
    around: Surroundings


def suite_file(path: str, root: Node, found: Findings) -> SuiteFile:
    """What is returned counts only if `found` stayed empty."""
    nothing = SuiteFile(path=path, suites=())
    table = values.mapping(root, "the file", found, 'it begins with "suites:"')
    if table is None:
        return nothing
    given = fields(table, keys.FILE, "", found)
    given.get("version", _version)
    if "suites" not in given.there:
        found.add("C102", table.place, '"suites" is missing')
    return _file(path, given, _drafts(given))


def _version(node: Node, where: str, found: Findings) -> None:
    word = values.text(node, where, found)
    if word is not None and word.value != "1":
        found.add("C109", word.place, f"{where}: the one version of this format is 1, not {quoted(word.value)}")


def _drafts(given: Fields) -> _Drafts:
    general = given.get("defaults", defaults)
    has_image = "environment" in general.there if general else "defaults" in given.there
    listed = given.get("suites", _listed) or ()
    around = Surroundings(
        environments=None if _is_refused("environments", given) else given.get("environments", environments) or {},
        services=None if _is_refused("services", given) else given.get("services", services) or {},
        env=(general.env if general else None) or {},
    )
    drafts = {name.value: draft(name, node, given.found, has_image=has_image) for name, node in listed}
    return _Drafts(drafts, general, around)


def _is_refused(key: str, given: Fields) -> bool:
    return key in given.there and key not in given.nodes


def _listed(node: Node, where: str, found: Findings) -> tuple[tuple[Text, Node], ...]:
    table = values.mapping(node, where, found, "each suite is a key: its name")
    if table is None:
        return ()
    if not table.entries:
        found.add("C109", table.place, f"{where}: there is no suite")
    if len(table.entries) > SUITES_MAX:
        found.stop("C007", table.entries[SUITES_MAX][0].place, f"a file has at most {SUITES_MAX} suites")
    return table.entries


def _file(path: str, given: Fields, drafts: _Drafts) -> SuiteFile:
    found, around = given.found, drafts.around
    for one in drafts.suites.values():
        check_containers(one, one.where, around, found)
    if drafts.defaults:
        check_containers(drafts.defaults, "defaults", around, found)
    whole = merged(drafts.suites, drafts.defaults, found)
    check_needs(drafts.suites, whole, found)
    talk = given.get("pull_requests", policies.pull_requests) or PullRequests()
    spared = given.get("quarantine", quarantine) or ()
    made = tuple(
        replace(one, annotations=talk.annotations, quarantine=spared) for one in suites(whole, around, found)
    )
    is_draft_built = given.get("drafts", values.boolean)
    file = SuiteFile(
        path=path,
        suites=made,
        drafts=True if is_draft_built is None else is_draft_built,
        test_merge=given.get("test_merge", values.boolean) or False,
        pull_requests=talk,
        notify=given.get("notify", partial(policies.notify, whole)) or (),
    )
    if found.count:
        return file
    return replace(file, warnings=doubts(drafts.suites, whole, around, made))
