"""Caches: files that a suite's runs hand on to later ones (`cache` of the suite file).

A cache is known by its repository, by whose runs made it, by its key and its paths, and never changes. Runs of the
default branch see only what such runs have kept; others of people with write access keep their own and see both;
strangers see what the default branch kept and keep nothing, so that nothing of theirs ever reaches another run.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import structlog

from bot.app import globs
from bot.app.context import Rules
from bot.app.suitefile import fill_files
from bot.domain.errors import BadInput, BotError, Gone, StoreBusy
from bot.domain.refs import Repository
from bot.domain.runs import Build, Cause, Run, Trust
from bot.domain.suites import MIB, Cache
from bot.domain.texts import duration, one_line, size
from bot.ports.caches import CacheDigest, CacheKept, CacheName, Caches, CacheScope
from bot.ports.sandbox import FileLimits, Found, Sandbox, Skipped

log = structlog.get_logger()

_FILES_MAX: Final = 200_000
_LOOKED_AT: Final = 1_000_000
_PIECE: Final = 1 << 20
_SECONDS: Final = 600.0
_SECONDS_OF_KEY: Final = 30.0
"""A key may name files many times, and a stranger may write it."""
_DIGITS: Final = 32
"""Of the digest that stands for `${{ files:GLOB }}`; it also stands in the log."""
_ABANDONED: Final = 86400.0
"""Seconds after which nobody is still writing."""


class Cacher(Protocol):
    """What these use cases need of the App."""

    @property
    def caches(self) -> Caches: ...
    @property
    def now(self) -> Callable[[], datetime]: ...
    @property
    def rules(self) -> Rules: ...


class Carrier(Cacher, Protocol):
    @property
    def sandbox(self) -> Sandbox: ...
    @property
    def monotonic(self) -> Callable[[], float]: ...


@dataclass(frozen=True, slots=True)
class CacheRights:
    reads: tuple[CacheScope, ...]
    """Looked through in this order."""
    writes: CacheScope | None


OF_DEFAULT: Final = CacheRights((CacheScope.DEFAULT,), CacheScope.DEFAULT)
OF_TRUSTED: Final = CacheRights((CacheScope.TRUSTED, CacheScope.DEFAULT), CacheScope.TRUSTED)
OF_STRANGERS: Final = CacheRights((CacheScope.DEFAULT,), None)


def rights(run: Run, build: Build, repository: Repository) -> CacheRights:
    """The default branch's runs are those that its pushes and its schedule start; others only say that they are."""
    if run.trust is not Trust.TRUSTED:
        return OF_STRANGERS
    is_default = build.change is None and build.cause in (Cause.PUSH, Cause.SCHEDULE)
    return OF_DEFAULT if is_default and build.ref == repository.default_branch != "" else OF_TRUSTED


class RunCache:
    """The cache of one attempt; a suite without one does nothing. Never raises: a run goes on without."""

    def __init__(
        self,
        app: Carrier,
        run: Run,
        allowed: CacheRights,
        note: Callable[[str], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._app, self._run, self._allowed = app, run, allowed
        self._note, self._should_stop = note, should_stop
        self._key: str | None = None
        """None: it can't be told, or there is nothing to keep under it."""

    def restore(self) -> None:
        """Once the sources are there: a key may name them."""
        cache = self._run.suite.cache
        if cache is None:
            return
        try:
            self._key = fill_files(cache.key, partial(self._digest, self._app.monotonic()))
            if self._find(cache, self._key):
                self._key = None
        except BotError as error:
            self._note(f"Cache: left out, {error}.")

    def keep(self) -> None:
        """After a pass."""
        cache, key, scope = self._run.suite.cache, self._key, self._allowed.writes
        if cache is None or key is None:
            return
        if scope is None:
            self._note(f"Cache {_shown(key)}: not kept, as for every change from outside.")
            return
        began = self._app.monotonic()
        pieces = _Counted(self._pack(cache))
        try:
            is_ours = self._app.caches.put(self._name(cache, key, scope), pieces, self._app.rules.cache_limit)
        except BotError as error:
            self._note(f"Cache {_shown(key)}: not kept, {error}.")
            return
        took = duration(self._app.monotonic() - began)
        words = f"kept, {size(pieces.size)} in {took}" if is_ours else "another run kept it meanwhile"
        self._note(f"Cache {_shown(key)}: {words}.")
        with suppress(BotError):  # upkeep does it too, but on one machine alone
            sweep(self._app)

    def _find(self, cache: Cache, key: str) -> bool:
        for scope in self._allowed.reads:
            name = self._name(cache, key, scope)
            try:
                if self._unpack(cache, key, name):
                    return True
            except Gone:
                continue
            except BadInput as error:
                self._note(f"Cache {_shown(key)}: left out, {error}.")
                log.warning("cache.left_out", cache=name.digest, scope=scope, error=str(error))
                if scope is self._allowed.writes:
                    self._app.caches.remove(name)
        self._note(f"Cache {_shown(key)}: nothing is kept under this key yet.")
        return False

    def _unpack(self, cache: Cache, key: str, name: CacheName) -> bool:
        began = self._app.monotonic()
        wanted = partial(globs.matches, cache.paths)
        limits = FileLimits(count=_FILES_MAX, size=self._app.rules.cache_limit)
        run, is_over = self._run, self._is_over(began)
        with closing(self._app.caches.open(name)) as archive:
            done = self._app.sandbox.unpack(run.id, run.attempt, archive, wanted, limits, is_over)
            length = archive.tell()
        if not done:
            raise StoreBusy("it took too long")
        took = duration(self._app.monotonic() - began)
        self._note(f"Cache {_shown(key)}: restored, {size(length)} in {took}.")
        return True

    def _pack(self, cache: Cache) -> Iterator[bytes]:
        is_over = self._is_over(self._app.monotonic())
        limits = FileLimits(count=_FILES_MAX, size=self._app.rules.cache_limit, looked_at=_LOOKED_AT)
        run = self._run
        for piece in self._app.sandbox.pack(run.id, run.attempt, partial(globs.matches, cache.paths), limits):
            if is_over():
                raise StoreBusy("it took too long")
            yield piece

    def _is_over(self, began: float) -> Callable[[], bool]:
        return lambda: self._should_stop() or self._app.monotonic() - began > _SECONDS

    def _name(self, cache: Cache, key: str, scope: CacheScope) -> CacheName:
        digest = hashlib.sha256(json.dumps([key, cache.paths]).encode()).hexdigest()
        return CacheName(self._run.repository, scope, CacheDigest(digest))

    def _digest(self, began: float, glob: str) -> str:
        """Of the names and contents of all files that it matches; also when there are none."""
        if self._app.monotonic() - began > _SECONDS_OF_KEY:
            raise StoreBusy("its key names too much")
        digest = hashlib.sha256()
        wanted, limits = partial(globs.matches, (glob,)), FileLimits(count=10_000, size=256 * MIB)
        for file in self._app.sandbox.files(self._run.id, self._run.attempt, wanted, limits):
            digest.update(_summary(file))
        return digest.hexdigest()[:_DIGITS]


def _summary(file: Found | Skipped) -> bytes:
    if isinstance(file, Skipped):
        return json.dumps([file.path, file.reason]).encode()
    digest = hashlib.sha256()
    while piece := file.content.read(_PIECE):
        digest.update(piece)
    return json.dumps([file.path, digest.hexdigest()]).encode()


def _shown(key: str) -> str:
    return one_line(key, 120)


class _Counted:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece


def trim(app: Cacher) -> int:
    """Remove what was used longest ago until each repository, and all together, keep to their limits; how many."""
    kept = list(app.caches.kept())
    gone: list[CacheKept] = []
    for repository in {one.name.repository for one in kept}:
        gone += _beyond([one for one in kept if one.name.repository == repository], app.rules.cache_limit)
    left = [one for one in kept if one not in gone]
    gone += _beyond(left, app.rules.cache_limit_all)
    for one in gone:
        app.caches.remove(one.name)
    return len(gone)


def _beyond(kept: Iterable[CacheKept], limit: int) -> list[CacheKept]:
    """The first of them that must go so that the rest keeps to the limit."""
    ordered = list(kept)
    total = sum(one.size for one in ordered)
    gone = []
    for one in ordered:
        if total <= limit:
            break
        gone.append(one)
        total -= one.size
    return gone


def sweep(app: Cacher) -> int:
    """Hold them to their limits and clear up what dead workers left; how many are gone."""
    return trim(app) + app.caches.delete_unfinished(app.now().timestamp() - _ABANDONED)
