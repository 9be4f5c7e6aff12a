"""The one way to the git command: argument lists, an environment of its own, watched while it runs."""

import contextlib
import errno
import os
import re
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.domain.errors import SourceUnavailable

Owner = tuple[int, int]
"""User and group number."""

_POLL: Final = 0.1
"""Seconds between two looks at `should_stop`."""
_LAST_WORDS: Final = 2.0
"""Seconds that git gets after SIGTERM to remove its lock files."""
_KEPT_ERRORS: Final = 16_384
"""Bytes of git's messages that are kept, from the end."""

_CONFIG: Final = (
    ("advice.detachedHead", "false"),
    ("checkout.workers", "2"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("credential.helper", ""),
    ("fetch.fsckObjects", "true"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.unpackLimit", "1"),
    ("gc.auto", "0"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
    ("init.defaultBranch", "main"),
    ("maintenance.auto", "false"),
    ("protocol.ext.allow", "never"),
    ("submodule.recurse", "false"),
    ("transfer.fsckObjects", "true"),
    # Slips of old tools that stand in the history of many honest projects and harm nobody.
    *(
        (f"fetch.fsck.{slip}", "ignore")
        for slip in (
            "badDate",
            "badEmail",
            "badTimezone",
            "missingEmail",
            "missingNameBeforeEmail",
            "missingSpaceBeforeDate",
            "missingSpaceBeforeEmail",
            "zeroPaddedDate",
            "zeroPaddedFilemode",
        )
    ),
)
"""Nothing of a repository is run: no hooks, no fsmonitor, no submodules; filters need config, and there is none."""

_ENVIRONMENT: Final = {
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_ASKPASS": "/bin/false",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SSH_ASKPASS": "/bin/false",
}


class GitFailed(Exception):
    """git ended with an error; the text is its last words without credentials."""

    def __init__(self, words: str, code: int = 0) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one checkout may take, and whether anybody still wants it."""

    should_stop: Callable[[], bool]
    deadline: float
    """On `time.monotonic`."""

    @classmethod
    def of(cls, seconds: float, should_stop: Callable[[], bool] = lambda: False) -> "Patience":
        return cls(should_stop, time.monotonic() + seconds)

    def check(self) -> None:
        """Raises: SourceUnavailable."""
        if self.should_stop():
            raise SourceUnavailable("the checkout was stopped")
        if time.monotonic() > self.deadline:
            raise SourceUnavailable("the checkout took too long")

    def wait(self, seconds: float) -> None:
        """Raises: SourceUnavailable."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _POLL))
            self.check()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How one git command is run."""

    cwd: Path
    git_dir: Path
    patience: Patience
    config: Sequence[tuple[str, str]] = ()
    """Given by environment, so it may hold credentials."""
    secrets: Sequence[str] = field(default=(), repr=False)
    """Never shown in messages."""
    protocol: str = ""
    """The one transport that git may use; empty: none."""
    stdin: bytes = b""
    """At most 64 KiB, what a pipe takes."""
    owner: Owner | None = None
    """Run as this user; None: as ourselves."""
    file_limit: int | None = None
    """Bytes that git may write to one file; only together with `owner` None."""
    keep: Sequence[int] = ()
    """File descriptors that stay open in git, so that a lock outlives us while git does."""
    environment: Mapping[str, str] = field(default_factory=dict)


def run(call: Call, *args: str, consume: Callable[[bytes], None] | None = None) -> bytes:
    """Give the output, or hand it to `consume` piece by piece; what `consume` raises ends git and comes through.

    Raises:
        GitFailed: git said no.
        SourceUnavailable: out of patience or out of disk.
    """
    output: list[bytes] = []
    errors = bytearray()
    with _started(call, args) as process:
        _pump(process, consume or output.append, errors, call.patience)
        pause = _POLL / 256
        while not _has_ended(process):
            call.patience.wait(pause)
            pause = min(2 * pause, _POLL)
    if process.returncode:
        words = scrubbed(errors.decode(errors="replace"), call.secrets) or f"exit code {process.returncode}"
        if os.strerror(errno.ENOSPC) in words:
            raise SourceUnavailable("no space left on the disk for the sources")
        raise GitFailed(words, process.returncode)
    return b"".join(output)


@contextlib.contextmanager
def _started(call: Call, args: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(  # noqa: S603 - a list without a shell; what comes from outside has passed the guard
        ["git", *args],  # noqa: S607 - found on our own PATH
        cwd=call.cwd,
        env=_environment(call),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=call.keep,
        umask=0o022,
        restore_signals=call.file_limit is None,  # SIGXFSZ stays ignored, so that git says "File too large"
        user=call.owner[0] if call.owner else None,
        group=call.owner[1] if call.owner else None,
        extra_groups=() if call.owner else None,
    ) as process:
        try:
            if call.file_limit is not None:
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (call.file_limit, call.file_limit))
            assert process.stdin
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(call.stdin)
            yield process
        finally:
            _end(process)


def _environment(call: Call) -> dict[str, str]:
    environment = {**_ENVIRONMENT, **call.environment, "GIT_DIR": str(call.git_dir)}
    environment["GIT_ALLOW_PROTOCOL"] = call.protocol
    config = [*_CONFIG, *call.config]
    environment["GIT_CONFIG_COUNT"] = str(len(config))
    for number, (key, value) in enumerate(config):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _pump(
    process: subprocess.Popen[bytes], consume: Callable[[bytes], None], errors: bytearray, patience: Patience
) -> None:
    def note(piece: bytes) -> None:
        errors.extend(piece)
        del errors[:-_KEPT_ERRORS]

    assert process.stdout
    assert process.stderr
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, consume)
        selector.register(process.stderr, selectors.EVENT_READ, note)
        while selector.get_map():
            patience.check()
            for key, _ in selector.select(_POLL):
                piece = os.read(key.fd, 65_536)
                if piece:
                    key.data(piece)
                else:
                    selector.unregister(key.fileobj)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Leaves it unreaped: its number, which is the group's, can't be given to anybody else yet."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the whole group, also a transport that git has left behind."""
    if not _has_ended(process):
        os.killpg(process.pid, signal.SIGTERM)
        end = time.monotonic() + _LAST_WORDS
        while not _has_ended(process) and time.monotonic() < end:
            time.sleep(_POLL / 10)
    os.killpg(process.pid, signal.SIGKILL)


def scrubbed(text: str, secrets: Sequence[str]) -> str:
    """On one line, short, without the secrets, their words, and userinfo of addresses."""
    words = {word for secret in secrets for word in (secret, *secret.split()) if len(word) > 7}  # noqa: PLR2004 - "Basic" may stay
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "***")
    text = re.sub(r"://[^/@\s]+@", "://***@", text)
    return " ".join(text.split())[-400:]
