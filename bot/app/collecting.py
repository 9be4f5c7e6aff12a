"""Keeping the files that a run left: within limits, never at the verdict's cost (RELIABILITY S100 to S103)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import structlog

from bot.app.context import Rules
from bot.domain.errors import BadInput, Unavailable
from bot.domain.runs import Run
from bot.domain.suites import GIB
from bot.domain.texts import cut, size
from bot.ports.artifacts import ArtifactFound, ArtifactKind, Artifacts, Sha256
from bot.ports.sandbox import FileLimits, Found, Skipped
from bot.ports.store import UnitOfWork

log = structlog.get_logger()

_LONGEST_PATH: Final = 1024
_FAILURES_MAX: Final = 3
_MANY: Final = 1000
_SETTLED: Final = 3600.0
"""Seconds; collecting, which lists files when it has all, is over much sooner."""
REST: Final = ""
"""The path of the row that tells why a run's list is not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one run may leave."""

    count: int = 10_000
    size: int = GIB
    """Bytes of all files together."""
    seconds: float = 600.0

    @property
    def of_sandbox(self) -> FileLimits:
        """One more than we take, so that we see when there is more."""
        return FileLimits(count=self.count + 1, size=self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    stored: int = 0
    size: int = 0
    """Bytes."""
    skipped: int = 0
    truncated: str = ""
    """Why not all was looked at; empty: all was."""


class Collector(Protocol):
    """What these use cases need of the App."""

    @property
    def work(self) -> Callable[[], UnitOfWork]: ...
    @property
    def artifacts(self) -> Artifacts: ...
    @property
    def now(self) -> Callable[[], datetime]: ...
    @property
    def monotonic(self) -> Callable[[], float]: ...
    @property
    def rules(self) -> Rules: ...


def collect(
    app: Collector,
    run: Run,
    files: Iterable[Found | Skipped],
    *,
    keep: float,
    budget: Budget,
    kind: ArtifactKind = ArtifactKind.ARTIFACT,
    should_stop: Callable[[], bool] = lambda: False,
) -> Collected:
    """Keep the files for `keep` seconds in place of what the run kept before; whoever still holds the run may.

    Neither a full store nor a broken sandbox raises: what is missing is listed, with its reason.
    """
    ends = app.monotonic() + budget.seconds
    basket = _Basket(app.artifacts, budget, kind)
    try:
        for file in files:
            if should_stop() or app.monotonic() > ends:
                basket.truncated = "the time for collecting was over"
            else:
                basket.take(file)
            if basket.truncated:
                break
    except Unavailable as error:
        basket.truncated = f"the sandbox failed: {error}"
    collected = _write(app, run, basket, keep)
    log.info("run.collected", stored=collected.stored, size=collected.size, truncated=collected.truncated)
    return collected


def _write(app: Collector, run: Run, basket: "_Basket", keep: float) -> Collected:
    try:
        with app.work() as work:
            if work.runs.renew(run.id, run.fence, app.rules.lease) is None:
                return Collected(truncated="the run is no longer ours")
            work.artifacts.replace(run.id, basket.kind, basket.rows(), keep)
    except Unavailable as error:
        return Collected(truncated=f"their list could not be stored: {error}")
    stored = [one for one in basket.found.values() if one.sha256]
    return Collected(
        stored=len(stored),
        size=sum(one.size for one in stored),
        skipped=len(basket.found) - len(stored),
        truncated=basket.truncated,
    )


def prune(app: Collector) -> int:
    """Forget files whose time is over, and their contents unless another file has the same; how many."""
    with app.work() as work:
        expired = work.artifacts.expired(_MANY)
        for one in expired:
            work.artifacts.remove(one.run, one.path)
    for content in {one.sha256 for one in expired if one.sha256}:
        if not _is_kept(app, content):
            app.artifacts.remove(content, _settled(app))
    return len(expired)


def sweep(app: Collector) -> int:
    """Remove contents that nobody refers to: their worker died before it could, or `prune` did; how many."""
    return app.artifacts.delete_before(_settled(app), partial(_is_kept, app))


def _is_kept(app: Collector, content: Sha256) -> bool:
    with app.work() as work:
        return work.artifacts.references(content) > 0


def _settled(app: Collector) -> float:
    """What was put before that is listed by now, or never will be."""
    return app.now().timestamp() - _SETTLED


@dataclass(slots=True)
class _Basket:
    """What was found so far, by path, and what it takes of the budget."""

    artifacts: Artifacts
    budget: Budget
    kind: ArtifactKind
    size: int = 0
    truncated: str = ""
    failures: int = 0
    found: dict[str, ArtifactFound] = field(default_factory=dict)

    def take(self, file: Found | Skipped) -> None:
        if len(self.found) >= self.budget.count:
            self.truncated = f"there are more than {self.budget.count} files"
            return
        match file:
            case Skipped(path=path, reason=reason):
                self._skip(path, reason)
            case Found(path=path) if fault := _fault_of_path(path):
                self._skip(path, fault)
            case Found(path=path, size=length) if length > self.budget.size - self.size:
                limit = size(self.budget.size)
                self._skip(path, f"its {size(length)} go beyond the limit of {limit} for all files of a run")
            case Found():
                self._store(file)

    def rows(self) -> Sequence[ArtifactFound]:
        rows = list(self.found.values())
        if self.truncated:
            rows.append(ArtifactFound(path=REST, kind=self.kind, skipped=self.truncated))
        return rows

    def _store(self, file: Found) -> None:
        try:
            stored = self.artifacts.put(file.content, self.budget.size - self.size)
        except BadInput as error:
            self._skip(file.path, f"it grew while it was read: {error}")
        except Unavailable as error:
            self._skip(file.path, f"it could not be stored: {error}")
            self.failures += 1
            if self.failures >= _FAILURES_MAX:
                self.truncated = f"nothing can be stored: {error}"
        else:
            self.size += stored.size
            self.found[file.path] = ArtifactFound(
                path=file.path, sha256=stored.sha256, size=stored.size, kind=self.kind
            )

    def _skip(self, path: str, reason: str) -> None:
        shown = path if path.isprintable() else ascii(path)[1:-1]
        path = cut(shown, _LONGEST_PATH) or "."
        self.found.setdefault(path, ArtifactFound(path=path, kind=self.kind, skipped=reason))


def _fault_of_path(path: str) -> str:
    """The sandbox gives none of these; a path becomes part of addresses and of names on other people's disks."""
    if not path or path.startswith("/") or {"", ".", ".."} & set(path.split("/")):
        return "its path leads out of the sources, or is none"
    if not path.isprintable():
        return "its name has characters that can't be shown"
    return f"its path has more than {_LONGEST_PATH} characters" if len(path) > _LONGEST_PATH else ""
