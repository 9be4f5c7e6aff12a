"""Single facts of a repository: what its refs point to, a commit's message, one file; each within bounds."""

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bot.adapters.source_git.answers import fail, read_answer
from bot.adapters.source_git.git import Call, GitFailed, Patience, run
from bot.adapters.source_git.mirror import Mirror
from bot.domain.errors import BadInput, SourceRefused
from bot.domain.refs import Sha, sha_of
from bot.ports.forge import Access
from bot.ports.source import Tips

_ANSWER: Final = 1 << 20
"""Bytes of a list of refs at most."""
_MESSAGE: Final = 64 * 1024
_HEAD: Final = "HEAD"
_BRANCHES: Final = "refs/heads/"
_BEHIND: Final = "^{}"
_FILE: Final = re.compile(rb"100(?:644|755) blob ([0-9a-f]+)\t")


def tips(access: Access, refs: Sequence[str], patience: Patience, environment: Mapping[str, str]) -> Tips:
    """Raises: SourceRefused, SourceUnavailable."""
    names = [_HEAD, *refs, *(f"{ref}{_BEHIND}" for ref in refs)]
    with tempfile.TemporaryDirectory(prefix="assay-tips-") as folder:
        there = Path(folder)
        call = Call(
            cwd=there,
            git_dir=there / "none",
            patience=patience,
            environment=environment,
            config=[(f"http.{access.url}.extraHeader", f"{name}: {value}") for name, value in access.headers.items()],
            secrets=tuple(access.headers.values()),
            protocol=access.url.partition(":")[0],
        )
        kept = bytearray()
        try:
            run(call, "init", "--quiet", "--bare", "--template=")
            run(
                call, "ls-remote", "--symref", "--end-of-options", access.url, *names, consume=_at_most(kept, _ANSWER)
            )
        except GitFailed as error:
            fail(read_answer(str(error)), "HEAD", str(error))
    return _read(kept.decode(errors="replace"), refs)


def _at_most(kept: bytearray, limit: int) -> Callable[[bytes], None]:
    def keep(piece: bytes) -> None:
        kept.extend(piece)
        if len(kept) > limit:
            raise SourceRefused("the repository tells of too many refs")

    return keep


def _read(text: str, refs: Sequence[str]) -> Tips:
    """Names that only end like ours are listed too, and don't count."""
    default, found = "", dict[str, Sha]()
    for line in text.splitlines():
        value, _, name = line.partition("\t")
        if name == _HEAD and value.startswith(f"ref: {_BRANCHES}"):
            default = value.removeprefix(f"ref: {_BRANCHES}")
        elif name.removesuffix(_BEHIND) in refs:
            try:
                found[name] = sha_of(value)
            except BadInput:
                continue
    return Tips(default, {ref: found.get(f"{ref}{_BEHIND}", found[ref]) for ref in refs if ref in found})


def message(mirror: Mirror, sha: Sha) -> str:
    whole = bytearray()
    mirror.run("cat-file", "commit", sha, consume=_first(whole, _MESSAGE))
    return whole.partition(b"\n\n")[2].decode(errors="replace")


def read_file(mirror: Mirror, sha: Sha, path: str, limit: int) -> bytes | None:
    """Links and folders are no files."""
    found = _FILE.match(mirror.run("ls-tree", "-z", "--full-tree", "--end-of-options", sha, path))
    if found is None:
        return None
    content = bytearray()
    mirror.run("cat-file", "blob", found[1].decode("ascii"), consume=_first(content, limit + 1))
    return bytes(content)


def _first(kept: bytearray, size: int) -> Callable[[bytes], None]:
    return lambda piece: kept.extend(piece[: size - len(kept)])
