"""`extends` and `defaults`: what a suite doesn't say itself.

What is written in the suite wins over what it extends, and that over the defaults. `env` and `artifacts` are merged
key by key; everything else, `when` too, is taken whole. `image` and `environment` count as one.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Final

from bot.app.suitefile import values
from bot.app.suitefile.draft import Draft
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.outputs import ArtifactsDraft

_OWN: Final = frozenset({"name", "there", "extends"})
_CONTAINER: Final = frozenset({"image", "environment"})
_INHERITED: Final = frozenset(field.name for field in fields(Draft)) - _OWN


def merged(drafts: Mapping[str, Draft], defaults: Draft | None, found: Findings) -> dict[str, Draft]:
    """Each draft with all that comes to it."""
    done: dict[str, Draft] = {}
    for name in drafts:
        _extend(name, drafts, done, found)
    if defaults is None:
        return done
    general = replace(defaults, env=None)
    return {name: _inherit(one, general) for name, one in done.items()}


def _extend(name: str, drafts: Mapping[str, Draft], done: dict[str, Draft], found: Findings) -> None:
    """Walk up to what is finished or extends nothing, then merge on the way down."""
    chain: list[str] = []
    while name not in done:
        chain.append(name)
        parent = drafts[name].extends
        if parent is None or _is_unknown(drafts[name], drafts, found):
            break
        if parent.value in chain:
            circle = [*chain[chain.index(parent.value) :], parent.value]
            found.add("C203", parent.place, f"{drafts[name].where}.extends: {' → '.join(circle)} is a circle")
            break
        name = parent.value
    above = done.get(name)
    for step in reversed(chain):
        above = _inherit(drafts[step], above) if above else drafts[step]
        done[step] = above


def _is_unknown(draft: Draft, drafts: Mapping[str, Draft], found: Findings) -> bool:
    name = draft.extends
    if name is None or name.value in drafts:
        return False
    shown = f"{draft.where}.extends: there is no suite {quoted(name.value)}"
    found.add("C201", name.place, shown, values.meant(name, drafts))
    return True


def _inherit(child: Draft, parent: Draft) -> Draft:
    closed = child.there | (_CONTAINER if child.there & _CONTAINER else frozenset())
    taken = {name: getattr(parent, name) for name in _INHERITED - closed}
    merged_env = {**(parent.env or {}), **(child.env or {})}
    there = child.there | (parent.there - closed)
    artifacts = _artifacts(child.artifacts, parent.artifacts)
    return replace(child, **{**taken, "env": merged_env, "artifacts": artifacts, "there": there})


def _artifacts(child: ArtifactsDraft | None, parent: ArtifactsDraft | None) -> ArtifactsDraft | None:
    if child is None or parent is None:
        return child or parent
    return ArtifactsDraft(
        place=child.place,
        paths=child.paths or parent.paths,
        store=child.store or parent.store,
        keep=child.keep or parent.keep,
        link=child.link or parent.link,
    )
