"""Registered suites and environments: what may stand in them, and the suite file that they make together.

A definition is kept in the words of the suite file and read by what reads that file, so that both say and refuse the
same. A version never changes, so a build can be run again as it was.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.app import suitefile
from bot.app.context import App
from bot.domain.catalog import Chosen, Kind
from bot.domain.errors import BadInput, InvalidSuiteFile, Problem
from bot.domain.suites import SuiteFile

_STAND_IN: Final = "registered"
"""Takes the place of the other one of the two while one is looked at alone."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to register: a name, and the parts of a suite file below it."""

    name: str
    parts: Mapping[str, object]
    """Of a suite: `suite`, and `services` and `notify` as a suite file has them; of an environment: `environment`."""


def choose(app: App, suite: str, environment: str | None) -> Chosen:
    """The newest versions. Raises: Gone: it is not there, or removed."""
    with app.work() as work:
        what = work.catalog.get(Kind.SUITE, suite)
        where = None if environment is None else work.catalog.get(Kind.ENVIRONMENT, environment)
    return Chosen(
        suite=what.id,
        suite_version=what.version,
        environment=where.id if where else None,
        environment_version=where.version if where else None,
    )


def file_of(app: App, chosen: Chosen) -> SuiteFile:
    """Raises: InvalidSuiteFile: the two do not fit together. Gone."""
    with app.work() as work:
        what = work.catalog.get(Kind.SUITE, chosen.suite, chosen.suite_version)
        where = None
        if chosen.environment is not None:
            where = work.catalog.get(Kind.ENVIRONMENT, chosen.environment, chosen.environment_version)
    path = f"suite {what.name} version {what.version}"
    environment = (where.name, json.loads(where.definition)["environment"]) if where else None
    return _read(app, path, what.name, json.loads(what.definition), environment)


def checked(app: App, kind: Kind, draft: Draft) -> str:
    """The definition as it is kept, if it can be used at all. Raises: InvalidSuiteFile, BadInput."""
    if kind is Kind.SUITE:
        suite = draft.parts.get("suite")
        has_image = isinstance(suite, Mapping) and "image" in suite
        if isinstance(suite, Mapping) and "environment" in suite:
            text = 'the environment is chosen with the run: leave "environment" out'
            raise InvalidSuiteFile(kind, [Problem("C109", 1, 1, text)])
        _read(app, kind, draft.name, draft.parts, None if has_image else (_STAND_IN, {"image": _STAND_IN}))
    else:
        _read(app, kind, _STAND_IN, {"suite": {"run": "true"}}, (draft.name, draft.parts["environment"]))
    return json.dumps(draft.parts, ensure_ascii=False)


def _read(
    app: App, path: str, name: str, parts: Mapping[str, object], environment: tuple[str, object] | None
) -> SuiteFile:
    """What both say, as one suite file; JSON is YAML."""
    suite = parts["suite"]
    if environment is not None and isinstance(suite, Mapping):
        suite = {**suite, "environment": environment[0]}
    whole = {key: parts[key] for key in ("services", "notify") if key in parts} | {"suites": {name: suite}}
    if environment is not None:
        whole["environments"] = {environment[0]: environment[1]}
    try:
        data = json.dumps(whole, ensure_ascii=False, indent=1).encode()
    except UnicodeEncodeError:
        raise BadInput("half of a character") from None
    return suitefile.parse(path, data, today=app.now().date())
