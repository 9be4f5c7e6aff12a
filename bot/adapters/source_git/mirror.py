"""The bare mirror of one repository: a cache that may be thrown away at any time."""

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from bot.adapters.source_git.answers import Answer, read_answer
from bot.adapters.source_git.git import Call, GitFailed, Patience, run
from bot.domain.errors import SourceUnavailable
from bot.domain.refs import Sha
from bot.ports.forge import Access

log = structlog.get_logger()

DEPTH: Final = 50
"""Commits that are fetched and laid out. Costs what one commit costs (same packs, few objects more), lets `git log`
and `git diff HEAD~1` work, and spares us the years of history that a first fetch would bring otherwise. Every
fetch names a depth: one without would bring all history behind an old branch into a shallow mirror."""
_WHOLE: Final = 2**31 - 1
"""git's number for "no limit", which also fills up a shallow mirror."""
DEEPER: Final = (10 * DEPTH, _WHOLE)
"""Tried one after the other where a merge needs more history than there is."""
_PACKS: Final = 20
"""Packs, one for each fetch, that a mirror may have before they are put together."""
_LOCK_POLL: Final = 0.02


def object_format(sha: Sha) -> str:
    """The option of `git init`."""
    return "--object-format=sha1" if len(sha) == 40 else "--object-format=sha256"  # noqa: PLR2004 - hexadecimal digits


class Mirror:
    """As one checkout sees it; not for two threads.

    Readers share the lock, fetching is exclusive. The lock is a flock on a file beside the mirror and is handed down
    to git, so that it holds as long as git lives even when the worker was killed.
    """

    def __init__(self, path: Path, patience: Patience, environment: Mapping[str, str], size_limit: int) -> None:
        self.path = path
        self._patience = patience
        self._environment = environment
        self._size_limit = size_limit
        self._keep: tuple[int, ...] = ()

    def run(
        self,
        *args: str,
        consume: Callable[[bytes], None] | None = None,
        stdin: bytes = b"",
        config: Sequence[tuple[str, str]] = (),
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """Raises: GitFailed."""
        call = self._call(stdin=stdin, config=config)
        if environment:
            call = replace(call, environment={**call.environment, **environment})
        return run(call, *args, consume=consume)

    def has(self, sha: Sha) -> bool:
        try:
            return self.path.exists() and self.run("cat-file", "-t", sha).strip() == b"commit"
        except GitFailed:
            return False

    def shallow(self) -> frozenset[str]:
        """Commits whose parents the mirror does not have."""
        try:
            return frozenset((self.path / "shallow").read_text().split())
        except FileNotFoundError:
            return frozenset()

    def deepen(self, access: Access, sha: Sha, refs: Sequence[str], depth: int) -> None:
        """Under `changing`: bring more history behind a commit that is there; that it failed is seen by its lack."""
        answer, _ = self._fetch(access, f"+{sha}:refs/assay/{sha}", depth)
        for ref in refs:
            if answer is Answer.FOUND:
                return
            answer, _ = self._look_behind(access, sha, ref, depth)

    @contextlib.contextmanager
    def aside(self) -> Iterator["Mirror"]:
        """The mirror with objects of its own beside it: what is made there goes with the block.

        What a killed process leaves there goes with the next fetch.
        """
        with tempfile.TemporaryDirectory(prefix="tmp_merge_", dir=self.path / "objects") as folder:
            more = {"GIT_OBJECT_DIRECTORY": folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.path / "objects")}
            beside = Mirror(self.path, self._patience, {**self._environment, **more}, self._size_limit)
            beside._keep = self._keep
            yield beside

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        with self._locked(fcntl.LOCK_EX):
            yield

    def remove(self) -> None:
        """Under `changing`."""
        if self.path.exists():
            shutil.rmtree(self.path)

    def bring(self, access: Callable[[], Access], sha: Sha, refs: Sequence[str]) -> tuple[Answer, str]:
        """Under `changing`: ask the forge for the commit by its id, then for the refs that should lead to it.

        Gives the answer and git's words about it.
        """
        self._make_ready(sha)
        if self.has(sha):
            return Answer.FOUND, ""
        granted = access()
        answer, words = self._fetch(granted, f"+{sha}:refs/assay/{sha}", DEPTH)
        depths = {Answer.GONE: (DEPTH,), Answer.WITHHELD: (DEPTH, _WHOLE)}.get(answer, ())
        for ref, depth in itertools.product(refs, depths):
            answer, words = self._look_behind(granted, sha, ref, depth)
            if answer is not Answer.GONE:
                break
        if answer is Answer.FOUND:
            self._tidy()
        return answer, words

    def _look_behind(self, access: Access, sha: Sha, ref: str, depth: int) -> tuple[Answer, str]:
        answer, words = self._fetch(access, ref, depth)
        if answer is not Answer.FOUND:
            return answer, words
        if not self.has(sha):
            return Answer.GONE, f"{ref} leads elsewhere"
        self.run("update-ref", "--end-of-options", f"refs/assay/{sha}", sha)
        return Answer.FOUND, ""

    def _fetch(self, access: Access, refspec: str, depth: int) -> tuple[Answer, str]:
        headers = [f"{name}: {value}" for name, value in access.headers.items()]
        call = self._call(
            config=[(f"http.{access.url}.extraHeader", header) for header in headers],
            secrets=tuple(access.headers.values()),
            protocol=access.url.partition(":")[0],
            file_limit=self._size_limit,
        )
        flags = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", f"--depth={depth}")
        try:
            run(call, "fetch", *flags, "--end-of-options", access.url, refspec)
        except GitFailed as error:
            return read_answer(str(error)), str(error)
        return Answer.FOUND, ""

    def _make_ready(self, sha: Sha) -> None:
        """An empty mirror where there is none; no leftovers of a git that was killed."""
        if not self.path.exists():
            new = self.path.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(mode=0o700)
            run(self._call(new), "init", "--quiet", "--bare", "--template=", object_format(sha))
            new.rename(self.path)
        for leftover in (*self.path.rglob("*.lock"), *self.path.glob("objects/**/tmp_*")):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Few packs and few files, so that lookups stay quick; nothing is dropped."""
        if len(list(self.path.glob("objects/pack/*.pack"))) <= _PACKS:
            return
        try:
            self.run("repack", "--geometric=2", "-d", "--quiet")
            self.run("pack-refs", "--all")
        except GitFailed as error:
            log.warning("mirror.not_tidied", mirror=self.path.name, error=str(error))

    def _call(self, path: Path | None = None, **more: object) -> Call:
        there = path or self.path
        return Call(
            cwd=there,
            git_dir=there,
            patience=self._patience,
            environment=self._environment,
            keep=self._keep,
            **more,  # type: ignore[arg-type]  # Call checks the names
        )

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _try_lock(descriptor, kind):
                self._patience.wait(_LOCK_POLL)
            self._keep = (descriptor,)
            yield
        finally:
            self._keep = ()
            os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise SourceUnavailable(f"the mirror can't be locked: {error.strerror}") from error
    return True
