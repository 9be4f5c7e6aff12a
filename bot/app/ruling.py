"""The rules of one repository: read from what people write, stored, shown (PRODUCT §2.11)."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any, Final

from bot.app import globs
from bot.app.context import App
from bot.domain.amounts import amount_of
from bot.domain.errors import BadInput
from bot.domain.own_rules import OwnRules
from bot.domain.refs import Repository
from bot.domain.suites import Network
from bot.domain.trust import ForkPolicy

NAMES: Final = tuple(one.name for one in fields(OwnRules))
_WORDS: Final = {"true": True, "false": False}
_COUNTS: Final = ("runs_max", "queue_max", "stranger_runs_max", "stranger_queue_max")
_LEAST: Final = {"memory_max": 16 << 20, "disk_max": 16 << 20, "pids_max": 16, "timeout_max": 1}
_MOST: Final = 1 << 50
_GLOBS: Final = 100
_DIGITS: Final = 9


def change(app: App, repository: Repository, written: Mapping[str, str], *, actor: str) -> OwnRules:
    """Set what is named; an empty text means: as everywhere. All or nothing.

    Raises: BadInput: an unknown name, or a value that can't be.
    """
    changes = {name: _value(name, text.strip()) for name, text in written.items()}
    with app.work() as work:
        rules = replace(work.repositories.own_rules(repository.id), **changes)
        work.repositories.set_own_rules(repository.id, rules)
        detail = ", ".join(f"{name}={text}" for name, text in sorted(written.items()))[:500]
        subject = f"repository:{repository.path}"
        work.audit.add(repository=repository.id, actor=actor, action="set rules", subject=subject, detail=detail)
    return rules


def of(app: App, repository: Repository) -> OwnRules:
    with app.work() as work:
        return work.repositories.own_rules(repository.id)


def written(rules: OwnRules) -> dict[str, str]:
    """As `change` reads it; only what is set."""
    found = {name: getattr(rules, name) for name in NAMES}
    return {name: _text(value) for name, value in found.items() if value not in (None, ())}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return value.value if isinstance(value, enum.Enum) else f"{value:g}" if isinstance(value, float) else str(value)


def _value(name: str, text: str) -> Any:  # noqa: ANN401  # of the field of that name
    if name not in _READERS:
        guess = get_close_matches(name, NAMES, 1)
        raise BadInput(f"{name[:40]} can't be set{f'; did you mean {guess[0]}?' if guess else ''}")
    if not text:
        return () if name == "images_allowed" else None
    try:
        return _READERS[name](text)
    except ValueError as error:
        raise BadInput(f"{name}: {error}") from None


def _one_of(words: Mapping[str, object]) -> Callable[[str], object]:
    def read(text: str) -> object:
        if text.lower() not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return words[text.lower()]

    return read


def _images(text: str) -> tuple[str, ...]:
    found: Sequence[str] = [one for one in (part.strip() for part in text.split(",")) if one]
    if len(found) > _GLOBS:
        raise ValueError(f"at most {_GLOBS} globs")
    for one in found:
        if fault := globs.branch_fault(one):
            raise ValueError(f"{one[:100]}: {fault}")
    return tuple(found)


def _amount(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        found = amount_of(text)
        if not least <= found <= _MOST:
            raise ValueError(f"at least {least}" if found < least else "too much")
        return found

    return read


def _count(text: str) -> int:
    if not text.isdecimal() or not (found := int(text[:_DIGITS])) > 0:
        raise ValueError("a number above 0")
    return found


def _cpus(text: str) -> float:
    found = float(text)
    if not 0 < found <= 1024:  # noqa: PLR2004  # also not a number is refused
        raise ValueError("a number above 0")
    return found


_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "fork_policy": _one_of({one.value: one for one in ForkPolicy}),
    "bare_commands": _one_of(_WORDS),
    "comments": _one_of(_WORDS),
    "network_default": _one_of({one.value: one for one in Network}),
    "network_forks": _one_of({one.value: one for one in Network}),
    "images_allowed": _images,
    "cpus_max": _cpus,
    **{
        name: _amount(_LEAST.get(name, 1))
        for name in ("memory_max", "disk_max", "pids_max", "timeout_max", "log_limit", "artifact_limit")
    },
    **dict.fromkeys(_COUNTS, _count),
}
