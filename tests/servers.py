"""Servers of a test's own: PostgreSQL and Redis as processes on free ports, in folders that go with them."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import obstore
import psycopg
from obstore.exceptions import BaseError

from bot.adapters.storage_s3 import open_store
from bot.demo.forge.hooks import wait_until
from tests.ports import free_port

_PATIENCE: Final = 30.0
_POSTGRES_HOMES: Final = "/usr/lib/postgresql/*/bin"
_NOT_ROOT: Final = ("postgres", "nobody")
_FAST: Final = ("fsync=off", "full_page_writes=off", "max_connections=60")
"""What is lost when the power fails is no matter in a test; a process that is killed loses nothing by it."""


_KEY: Final = "assay-test"
_SECRET: Final = "not a secret"
_IDENTITY: Final = {
    "identities": [
        {
            "name": "assay",
            "credentials": [{"accessKey": _KEY, "secretKey": _SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
    ]
}


class Server:
    """One process at a time, always on the same port and folder; its output of all starts is in one file."""

    def __init__(self, command: Sequence[str], folder: Path, port: int, user: str | None = None) -> None:
        self._command, self._user = command, user
        self._output = folder / "output.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.folder, self.port = folder, port

    def start(self) -> Self:
        """Returns when it takes connections."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # the command is ours
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=self._user,
                cwd=self.folder,
            )
        wait_until(self._is_up, _PATIENCE, f"{self._command[0]} takes no connections")
        return self

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send it that signal and wait for its end."""
        if self._process and self._process.poll() is None:
            with suppress(ProcessLookupError):
                self.send(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(_PATIENCE)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def _is_up(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._output.read_text(errors="replace")[-2000:]
        return self._answers()

    def _answers(self) -> bool:
        raise NotImplementedError


class Postgres(Server):
    """As root it runs as somebody else: PostgreSQL refuses to be root."""

    def __init__(self, folder: Path, programs: Path) -> None:
        user = _not_root()
        if user:
            shutil.chown(folder, user)
        options = [word for setting in _FAST for word in ("-c", setting)]
        port = free_port()
        super().__init__(
            [
                *(str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)),
                *("-c", "listen_addresses=127.0.0.1", *options),
            ],
            folder,
            port,
            user,
        )
        subprocess.run(  # noqa: S603  # the command is ours
            [
                *(str(programs / "initdb"), "-D", str(folder / "data"), "-U", "assay"),
                *("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
            cwd=folder,
        )

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://assay@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template1") -> str:
        """Its address."""
        self.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
        return self.url(database)

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    @property
    def family(self) -> list[int]:
        """Its first process and the others, which serve one connection each."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def cut_connections(self) -> None:
        """Every client's, as a restart of the server or of a proxy before it does."""
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    def _answers(self) -> bool:
        """It listens before it is ready."""
        with suppress(psycopg.OperationalError):
            self.execute("SELECT 1")
            return True
        return False

    def execute(self, words: str) -> None:
        address = f"postgresql://assay@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(words.encode())


class Redis(Server):
    def __init__(self, folder: Path, program: str, *options: str) -> None:
        port = free_port()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        super().__init__([*command, "--maxmemory-policy", "noeviction", *options], folder, port)

    def call(self, *words: str) -> bytes:
        """The first line of the answer."""
        request = b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection, connection.makefile("rb") as answer:
            connection.sendall(b"*%d\r\n%s" % (len(words), request))
            return answer.readline().strip()

    def _answers(self) -> bool:
        """While it reads its file it listens, but is not ready."""
        with suppress(OSError):
            return self.call("PING") == b"+PONG"
        return False

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class S3(Server):
    """SeaweedFS, all of its parts in one process."""

    def __init__(self, folder: Path, program: str) -> None:
        ports = {part: free_port() for part in ("s3", "master", "volume", "filer")}
        options = [f"-{part}.port={number}" for part, number in ports.items()]
        options += [f"-{part}.port.grpc={free_port()}" for part in ports]
        (folder / "s3.json").write_text(json.dumps(_IDENTITY))
        super().__init__(
            [
                *(program, "server", f"-dir={folder}", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                *("-master.volumeSizeLimitMB=64", "-volume.max=20", f"-s3.config={folder}/s3.json"),
                *("-s3.port.iceberg=0", "-s3.port.lance=0", *options),
            ],
            folder,
            ports["s3"],
        )

    @property
    def url(self) -> str:
        return f"s3://{_KEY}:{quote(_SECRET)}@assay/some/prefix?endpoint=http://127.0.0.1:{self.port}"

    def _answers(self) -> bool:
        """It listens before it keeps anything."""
        with suppress(BaseError, OSError):
            obstore.put(open_store(self.url), "probe", b"x")
            return True
        return False


def s3_program() -> str:
    return str(Path(sys.executable).parent / "weed")


def postgres_programs() -> Path | None:
    """Where the newest PostgreSQL of this machine has its programs."""
    found = sorted(Path("/").glob(_POSTGRES_HOMES.lstrip("/")))
    if found:
        return found[-1]
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


def redis_program() -> str | None:
    return shutil.which("redis-server")


@contextmanager
def postgres() -> Iterator[Postgres]:
    programs = postgres_programs()
    assert programs, "PostgreSQL is not installed"
    with _folder("postgres") as folder:
        server = Postgres(folder, programs)
        try:
            yield server.start()
        finally:
            server.stop(signal.SIGQUIT)


@contextmanager
def redis(*options: str) -> Iterator[Redis]:
    program = redis_program()
    assert program, "Redis is not installed"
    with _folder("redis") as folder:
        server = Redis(folder, program, *options)
        try:
            yield server.start()
        finally:
            server.kill()


@contextmanager
def s3() -> Iterator[S3]:
    with _folder("s3") as folder:
        server = S3(folder, s3_program())
        try:
            yield server.start()
        finally:
            server.kill()


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    """Outside of the test's own, which belongs to its user alone; its name is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix=f"assay-{name}-") as folder:
        yield Path(folder)


def _not_root() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _NOT_ROOT if name in known)
