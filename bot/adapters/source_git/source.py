"""The source of work trees: the mirror is asked first, the forge when it lacks the commit."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from bot.adapters.source_git.answers import Answer, fail, is_last
from bot.adapters.source_git.git import GitFailed, Owner, Patience
from bot.adapters.source_git.guard import LOOPBACK, check_access, check_refs, check_sha
from bot.adapters.source_git.mirror import Mirror
from bot.adapters.source_git.worktree import Sizes, lay_out
from bot.domain.errors import SourceUnavailable
from bot.domain.refs import RepositoryId, Sha
from bot.ports.forge import Access
from bot.ports.source import Wanted

log = structlog.get_logger()


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
        sha, refs = check_sha(wanted.sha), check_refs(wanted.refs)
        patience = Patience.of(self._time_limit, should_stop)
        mirror = self._mirror(wanted.repository, patience)
        try:
            try:
                self._once(mirror, sha, refs, access, folder, patience)
            except GitFailed as error:
                log.warning("mirror.remade", mirror=mirror.path.name, error=str(error))
                with mirror.changing():
                    mirror.remove()
                _empty(folder)
                self._once(mirror, sha, refs, access, folder, patience)
        except (GitFailed, OSError) as error:
            raise SourceUnavailable(f"the commit could not be checked out: {error}") from error

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

    def forget(self, repository: RepositoryId) -> None:
        mirror = self._mirror(repository, Patience.of(self._time_limit))
        with mirror.changing():
            mirror.remove()

    def _mirror(self, repository: RepositoryId, patience: Patience) -> Mirror:
        return Mirror(self._folder / f"{repository}.git", patience, self._environment, self._size_limit)

    def _once(
        self,
        mirror: Mirror,
        sha: Sha,
        refs: Sequence[str],
        access: Callable[[], Access],
        folder: Path,
        patience: Patience,
    ) -> None:
        """Raises: GitFailed: as far as can be told, the mirror is damaged."""
        patience.check()
        with mirror.reading():
            is_there = mirror.has(sha)
        if not is_there:
            self._bring(mirror, sha, refs, access, patience)
        with mirror.reading():
            mirror.run(
                "ls-tree", "-r", "-t", "-l", "-z", "--end-of-options", sha, consume=Sizes(sha, self._size_limit).read
            )
            lay_out(mirror, sha, folder, self._user, patience)

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


def _empty(folder: Path) -> None:
    for one in folder.iterdir():
        shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
