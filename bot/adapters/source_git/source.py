"""The source of work trees: the mirror is asked first, the forge when it lacks the commit."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from bot.adapters.source_git import looking, merging
from bot.adapters.source_git.answers import Answer, fail, is_last
from bot.adapters.source_git.git import GitFailed, Owner, Patience
from bot.adapters.source_git.guard import LOOPBACK, check_access, check_refs, check_sha
from bot.adapters.source_git.mirror import DEEPER, Mirror
from bot.adapters.source_git.worktree import Sizes, lay_out
from bot.domain.errors import SourceUnavailable
from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import Merge
from bot.ports.forge import Access
from bot.ports.source import Tips, Wanted

log = structlog.get_logger()

T = TypeVar("T")


class GitSource:
    """Safe for many threads and processes on the same folder."""

    def __init__(
        self,
        folder: Path,
        *,
        user: Owner | None,
        allow_http_hosts: frozenset[str] = frozenset(),
        size_limit: int,
        time_limit: float,
        lag: Sequence[float],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Mirrors live in `folder`; work trees belong to `user`, None: to ourselves.

        `allow_http_hosts`: loopback hosts that may be spoken to without TLS. `size_limit`: bytes of all files of a
        commit, and of what one fetch brings, packed. `time_limit`: seconds for one checkout with all its waiting.
        `lag`: seconds to wait before each further try, because a forge may announce a commit before it shows it
        (C12). `environment`: proxy and certificate settings for git, e.g. `https_proxy`, `GIT_SSL_CAINFO`.
        """
        if strangers := allow_http_hosts - LOOPBACK:
            raise ValueError(f"http is for loopback only, not for {', '.join(sorted(strangers))}")
        self._folder = folder
        self._user = user
        self._http_hosts = allow_http_hosts
        self._size_limit = size_limit
        self._time_limit = time_limit
        self._lag = tuple(lag)
        self._environment = dict(environment or {})

    def checkout(
        self, wanted: Wanted, access: Callable[[], Access], folder: Path, should_stop: Callable[[], bool]
    ) -> None:
        """See the port. An `access` that raises is let through."""

        def lay_out_in(mirror: Mirror, patience: Patience) -> None:
            if wanted.onto is None:
                self._lay_out(mirror, wanted.sha, folder, patience)
                return
            with mirror.aside() as beside:
                self._lay_out(beside, merging.commit(beside, wanted.onto.sha, wanted.sha), folder, patience)

        self._work(wanted, access, should_stop, lay_out_in, before_again=lambda: _empty(folder))

    def merge(self, wanted: Wanted, access: Callable[[], Access], should_stop: Callable[[], bool]) -> Merge:
        """See the port."""
        onto = wanted.onto
        assert onto, "a commit to merge onto"

        def merge_in(mirror: Mirror, _: Patience) -> Merge:
            with mirror.aside() as beside:
                return merging.merge(beside, onto.sha, wanted.sha)

        return self._work(wanted, access, should_stop, merge_in)

    def between(
        self, wanted: Wanted, access: Callable[[], Access], should_stop: Callable[[], bool], limit: int
    ) -> Sequence[Sha]:
        """See the port."""
        onto = wanted.onto
        assert onto, "where the history begins"
        return self._work(
            wanted, access, should_stop, lambda mirror, _: merging.between(mirror, onto.sha, wanted.sha, limit)
        )

    def files(self, repository: RepositoryId, sha: Sha) -> frozenset[str]:
        mirror = self._mirror(repository, Patience.of(self._time_limit))
        try:
            with mirror.reading():
                if not mirror.has(check_sha(sha)):
                    return frozenset()
                names = mirror.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", sha)
        except (GitFailed, OSError) as error:
            raise SourceUnavailable(f"the commit's files can't be listed: {error}") from error
        return frozenset(os.fsdecode(name) for name in names.split(b"\0") if name)

    def tips(self, access: Access, refs: Sequence[str]) -> Tips:
        check_access(access, self._http_hosts)
        check_refs(refs)
        try:
            return looking.tips(access, refs, Patience.of(self._time_limit), self._environment)
        except OSError as error:
            raise SourceUnavailable(f"the refs can't be listed: {error}") from error

    def message(self, wanted: Wanted, access: Callable[[], Access]) -> str:
        return self._work(wanted, access, _never, lambda mirror, _: looking.message(mirror, wanted.sha))

    def read(self, wanted: Wanted, access: Callable[[], Access], path: str, limit: int) -> bytes | None:
        return self._work(
            wanted, access, _never, lambda mirror, _: looking.read_file(mirror, wanted.sha, path, limit)
        )

    def forget(self, repository: RepositoryId) -> None:
        mirror = self._mirror(repository, Patience.of(self._time_limit))
        with mirror.changing():
            mirror.remove()

    def _mirror(self, repository: RepositoryId, patience: Patience) -> Mirror:
        return Mirror(self._folder / f"{repository}.git", patience, self._environment, self._size_limit)

    def _work(
        self,
        wanted: Wanted,
        access: Callable[[], Access],
        should_stop: Callable[[], bool],
        use: Callable[[Mirror, Patience], T],
        before_again: Callable[[], None] = lambda: None,
    ) -> T:
        """Bring what is wanted and use it; a mirror that seems damaged is made anew, once."""
        for one in _all(wanted):
            check_sha(one.sha)
            check_refs(one.refs)
        patience = Patience.of(self._time_limit, should_stop)
        mirror = self._mirror(wanted.repository, patience)
        try:
            try:
                return self._once(mirror, wanted, access, patience, use)
            except GitFailed as error:
                log.warning("mirror.remade", mirror=mirror.path.name, error=str(error))
                with mirror.changing():
                    mirror.remove()
                before_again()
                return self._once(mirror, wanted, access, patience, use)
        except (GitFailed, OSError) as error:
            raise SourceUnavailable(f"the commit could not be checked out: {error}") from error

    def _once(
        self,
        mirror: Mirror,
        wanted: Wanted,
        access: Callable[[], Access],
        patience: Patience,
        use: Callable[[Mirror, Patience], T],
    ) -> T:
        """Raises: GitFailed: as far as can be told, the mirror is damaged."""
        patience.check()
        for one in _all(wanted):
            with mirror.reading():
                is_there = mirror.has(one.sha)
            if not is_there:
                self._bring(mirror, one.sha, one.refs, access, patience)
        if wanted.onto:
            self._bring_history(mirror, wanted, wanted.onto, access)
        with mirror.reading():
            return use(mirror, patience)

    def _lay_out(self, mirror: Mirror, sha: Sha, folder: Path, patience: Patience) -> None:
        mirror.run(
            "ls-tree", "-r", "-t", "-l", "-z", "--end-of-options", sha, consume=Sizes(sha, self._size_limit).read
        )
        lay_out(mirror, sha, folder, self._user, patience)

    def _bring_history(self, mirror: Mirror, head: Wanted, base: Wanted, access: Callable[[], Access]) -> None:
        """As much as a right merge of the two takes. Raises: SourceUnavailable."""
        for depth in (*DEEPER, None):
            with mirror.reading():
                if merging.is_known(mirror, base.sha, head.sha):
                    return
            if depth:
                granted = access()
                check_access(granted, self._http_hosts)
                with mirror.changing():
                    for one in (base, head):
                        mirror.deepen(granted, one.sha, one.refs, depth)
        raise SourceUnavailable("the forge did not give the history that a merge needs")

    def _bring(
        self, mirror: Mirror, sha: Sha, refs: Sequence[str], access: Callable[[], Access], patience: Patience
    ) -> None:
        granted: list[Access] = []

        def checked() -> Access:
            granted.append(access())
            check_access(granted[-1], self._http_hosts)
            return granted[-1]

        with mirror.changing():
            answer, words = mirror.bring(checked, sha, refs)
        if answer is Answer.UNAUTHORIZED:
            # Once: a new credential may be too new as well, and then waiting helps.
            granted[-1].refused()
        for pause in self._lag:
            if is_last(answer):
                break
            log.info("source.not_there_yet", mirror=mirror.path.name, answer=answer.name, pause=pause)
            patience.wait(pause)
            with mirror.changing():
                answer, words = mirror.bring(checked, sha, refs)
        if answer is Answer.UNCLEAR:
            raise GitFailed(words)
        if answer is not Answer.FOUND:
            fail(answer, sha, words)


def _never() -> bool:
    return False


def _all(wanted: Wanted) -> tuple[Wanted, ...]:
    return (wanted.onto, wanted) if wanted.onto else (wanted,)


def _empty(folder: Path) -> None:
    for one in folder.iterdir():
        shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
