"""From a merged draft to its suites: one for each cell of the matrix and each shard."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.app.suitefile import values
from bot.app.suitefile.commands import Commands
from bot.app.suitefile.draft import Draft
from bot.app.suitefile.env import ENV_MAX, size
from bot.app.suitefile.environments import Environment, ServiceDraft
from bot.app.suitefile.filling import Filling
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.matrix import Cell
from bot.app.suitefile.outputs import ArtifactsDraft, CacheDraft, ReportsDraft
from bot.app.suitefile.reading import Text
from bot.app.suitefile.when import WhenDraft
from bot.domain.suites import Artifacts, Cache, Reports, Service, Store, Suite, When

RUNS_MAX: Final = 1000
"""Of one file: cells times shards, over all suites."""

_ONE_CELL: Final = (Cell({}),)
_DEFAULT: Final = Suite(name="", image="", commands=())


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of the file brings to each suite; None: the key is refused and nothing is known."""

    environments: Mapping[str, Environment] | None
    services: Mapping[str, ServiceDraft] | None
    env: Mapping[str, str]


def suites(drafts: Mapping[str, Draft], around: Surroundings, found: Findings) -> tuple[Suite, ...]:
    result: list[Suite] = []
    for draft in drafts.values():
        for suite in _of_draft(draft, around, found):
            result.append(suite)
            if len(result) > RUNS_MAX:
                found.stop("C007", draft.name.place, f"{draft.where}: a file has at most {RUNS_MAX} runs")
    return tuple(result)


def _of_draft(draft: Draft, around: Surroundings, found: Findings) -> Iterator[Suite]:
    labels: set[str] = set()
    before = found.count
    for cell in draft.matrix.cells if draft.matrix else _ONE_CELL:
        suite = _suite(draft, cell, around, found)
        if suite.label in labels and draft.matrix:
            found.add("C205", draft.matrix.place, f"{draft.where}.matrix: two cells are called {quoted(suite.label)}")
        if found.count > before:
            return  # the other cells have the same faults
        labels.add(suite.label)
        shards = draft.shards or 1
        yield from (replace(suite, shard=number, shards=shards) for number in range(1, shards + 1))


def _suite(draft: Draft, cell: Cell, around: Surroundings, found: Findings) -> Suite:
    filling = Filling(draft.where, cell.texts, found)
    environment = _environment(draft, around, filling)
    run = draft.run or Commands((), is_script=True)
    suite = Suite(
        name=draft.name.value,
        image=filling.image(environment.image if environment else draft.image),
        commands=run.lines,
        is_script=run.is_script,
        env=_env(draft, environment, around, found),
        timeout=draft.timeout or _DEFAULT.timeout,
        allow_failure=bool(draft.allow_failure if cell.allow_failure is None else cell.allow_failure),
        when=_when(draft.when, filling),
        line=draft.name.place.line,
        description=filling.text(draft.description),
        cell=tuple(cell.texts.items()),
        needs=tuple(name.value for name in draft.needs or ()),
        runs_on=filling.labels(draft.runs_on),
        retries=draft.retries or 0,
        retry_select=draft.retry.value if draft.retry else "",
        no_output_timeout=draft.no_output_timeout,
        secrets=tuple(name.value for name in draft.secrets or ()),
        services=_services(draft, around, filling),
        reports=_reports(draft.reports, filling),
        artifacts=_artifacts(draft, filling),
        cache=_cache(draft.cache, filling),
    )
    return _in_environment(suite, environment, filling) if environment else suite


def _environment(draft: Draft, around: Surroundings, filling: Filling) -> Environment | None:
    name = filling.text(draft.environment)
    if not name or around.environments is None:
        return None
    environment = around.environments.get(name)
    if environment is None and draft.environment and draft.environment.placeholder:
        _say_unknown(draft.environment, name, "environment", around.environments, filling)
    return environment


def _say_unknown(word: Text, name: str, what: str, known: Mapping[str, object], filling: Filling) -> None:
    """Of names that were written out the same was said where they stand."""
    advice = values.meant(Text(name, word.place), known)
    filling.found.add("C201", word.place, f"{filling.where}: there is no {what} {quoted(name)}", advice)


def _in_environment(suite: Suite, environment: Environment, filling: Filling) -> Suite:
    return replace(
        suite,
        cpus=environment.cpus,
        memory=environment.memory,
        disk=environment.disk,
        network=environment.network,
        user=environment.user,
        workdir=filling.text(environment.workdir),
    )


def _env(draft: Draft, environment: Environment | None, around: Surroundings, found: Findings) -> Mapping[str, str]:
    env = {**around.env, **(environment.env if environment else {}), **(draft.env or {})}
    if size(env) > ENV_MAX >= size(draft.env or {}):
        limit = f"the variables have at most {ENV_MAX // 1024} KiB together"
        found.add("C110", draft.name.place, f"{draft.where}.env: {limit}")
    for secret in draft.secrets or ():
        if secret.value in env:
            message = f"{draft.where}.secrets: {quoted(secret.value)} is also set by env"
            found.add("C113", secret.place, message)
    return env


def _when(draft: WhenDraft | None, filling: Filling) -> When:
    if draft is None:
        return When()
    paths_ignore = filling.globs(draft.paths_ignore)
    return replace(draft.when, paths=filling.globs(draft.paths), paths_ignore=paths_ignore)


def _services(draft: Draft, around: Surroundings, filling: Filling) -> tuple[Service, ...]:
    found: dict[str, Service] = {}
    for word in draft.services or ():
        name = filling.text(word)
        service = (around.services or {}).get(name)
        if service is not None:
            found[name] = _service(service, filling)
        elif name and word.placeholder and around.services is not None:
            _say_unknown(word, name, "service", around.services, filling)
    return tuple(found.values())


def _service(draft: ServiceDraft, filling: Filling) -> Service:
    return Service(
        name=draft.name.value,
        image=filling.image(draft.image),
        env=draft.env,
        command=draft.command,
        memory=draft.memory,
        ready=draft.ready,
    )


def _reports(draft: ReportsDraft | None, filling: Filling) -> Reports | None:
    if draft is None:
        return None
    return Reports(
        junit=filling.globs(draft.junit),
        tap=filling.globs(draft.tap),
        coverage=filling.globs(draft.coverage),
        sarif=filling.globs(draft.sarif),
        optional=draft.optional,
    )


def _artifacts(draft: Draft, filling: Filling) -> Artifacts | None:
    """Without paths there is nothing to keep: defaults may say how long alone."""
    one: ArtifactsDraft | None = draft.artifacts
    if one is None or not one.paths:
        return None
    return Artifacts(
        paths=filling.globs(one.paths),
        store=one.store or Store.ALWAYS,
        keep=one.keep or Artifacts(paths=()).keep,
        link=filling.text(one.link),
    )


def _cache(draft: CacheDraft | None, filling: Filling) -> Cache | None:
    return Cache(key=filling.text(draft.key), paths=filling.globs(draft.paths)) if draft else None
