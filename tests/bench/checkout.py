"""P8: a commit of many files, from a warm mirror to a work tree that a job may write to."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.adapters.source_git import GitSource
from bot.adapters.source_git.guard import LOOPBACK
from bot.demo.forge.gitdir import GitDir
from bot.domain.refs import RepositoryId, Sha
from bot.ports.forge import Access
from bot.ports.source import Wanted
from tests.bench.figures import Figure, milliseconds

_FILES: Final = 5000
_COMMITS: Final = 20
_ROUNDS: Final = 7
_USER: Final = (65532, 65532)
_REPOSITORY: Final = RepositoryId(1)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "mirrors").mkdir(mode=0o700)
        mirror, sha = _mirror(folder / "mirrors" / f"{_REPOSITORY}.git")
        source = GitSource(
            folder / "mirrors", user=_USER, allow_http_hosts=LOOPBACK, size_limit=10**9, time_limit=60, lag=()
        )
        ours, archive = [], []
        for number in range(_ROUNDS):
            ours.append(_checkout(source, sha, folder / f"ours-{number}"))
            archive.append(_archive(mirror, sha, folder / f"archive-{number}"))
    yield Figure(
        name="P8",
        what=f"checkout of {_FILES:,} files from a warm mirror",
        value=milliseconds(ours),
        unit="ms",
        limit=milliseconds(archive),
        against="git archive | tar",
    )


def _mirror(path: Path) -> tuple[Path, Sha]:
    git = GitDir.create(path, "main")
    files: dict[str, str | bytes | None] = {
        f"src/part{number % 50}/module{number}.py": f"VALUE = {number}\n" * 40 for number in range(_FILES)
    }
    sha = None
    for number in range(_COMMITS):
        changes = files if sha is None else {f"src/part{number}/module{number}.py": f"VALUE = 'new {number}'\n"}
        sha = git.commit("main", changes, "Change", author=("Ada", "ada@example.org"), at=1_700_000_000, parent=sha)
    git.git("repack", "-a", "-d", "-q")
    assert sha
    return path, Sha(sha)


def _checkout(source: GitSource, sha: Sha, folder: Path) -> float:
    folder.mkdir()
    began = time.monotonic()
    source.checkout(Wanted(repository=_REPOSITORY, sha=sha, refs=()), _no_access, folder, lambda: False)
    return time.monotonic() - began


def _no_access() -> Access:
    raise AssertionError("the mirror has the commit")


def _archive(mirror: Path, sha: Sha, folder: Path) -> float:
    folder.mkdir()
    began = time.monotonic()
    archive = subprocess.Popen(["git", f"--git-dir={mirror}", "archive", sha], stdout=subprocess.PIPE)  # noqa: S603, S607 - fixed words
    subprocess.run(["tar", "-x", "-C", str(folder)], stdin=archive.stdout, check=True)  # noqa: S603, S607 - fixed words
    assert archive.stdout
    archive.stdout.close()
    archive.wait()
    return time.monotonic() - began
