"""A forge's git half on loopback: bare repositories over smart HTTP by `git http-backend`, with faults on demand."""

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bot.domain.refs import Sha
from bot.ports.forge import Access

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "PATH": os.defpath,
}


def git(folder: Path, *args: str, stdin: bytes = b"", **environment: str) -> str:
    """What an honest or hostile author does on their own machine."""
    done = subprocess.run(  # noqa: S603 - the tests' own words
        ["git", *args],  # noqa: S607  # git of this machine
        cwd=folder,
        input=stdin,
        env=_IDENTITY | environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout.decode().strip()


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class GitHost:
    """Set its fields at any time; they hold from the next request on."""

    root: Path
    """Holds `OWNER/NAME.git`."""
    url: str
    requests: list[Request] = field(default_factory=list)
    authorization: str | None = None
    """The value that the header must have; 401 otherwise."""
    statuses: list[int] = field(default_factory=list)
    """Answers of the next fetches instead of the true one; 200 means the true one."""
    redirect_to: str = ""
    """Every request is sent there by 301."""
    only_advertised: bool = False
    """Protocol 0, and no commit that no ref points to."""
    hidden: list[Path] = field(default_factory=list)
    """Other roots that answer the next fetches: what a lagging replica still shows."""
    shown: Path = Path()
    """The root that answers the fetch at hand."""
    hang: threading.Event | None = None
    """No answer to fetches before it is set."""
    arrived: threading.Event = field(default_factory=threading.Event)
    """Some request has come in."""

    def access(self, path: str = "acme/site", **headers: str) -> Access:
        return Access(f"{self.url}/{path}.git", headers)

    def repository(self, path: str = "acme/site") -> "HostedRepository":
        bare = self.root / f"{path}.git"
        bare.mkdir(parents=True)
        git(bare, "init", "--quiet", "--bare", "--initial-branch=main", "--template=", ".")
        return HostedRepository(bare)

    @property
    def fetches(self) -> int:
        return sum(request.path.partition("?")[0].endswith("/info/refs") for request in self.requests)


@dataclass(frozen=True, slots=True)
class HostedRepository:
    """A bare repository that a test fills without a work tree, so that any bytes can stand in it."""

    path: Path

    def blob(self, content: bytes) -> str:
        return git(self.path, "hash-object", "-w", "--stdin", stdin=content)

    def tree(self, entries: Sequence[tuple[str, str, str]]) -> str:
        """Entries of mode, object id and name, unchecked."""
        in_order = sorted(entries, key=lambda entry: entry[2] + ("/" if entry[0] == "40000" else ""))
        raw = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(one) for mode, one, name in in_order)
        return git(self.path, "hash-object", "-w", "-t", "tree", "--stdin", "--literally", stdin=raw)

    def commit_tree(self, tree: str, *parents: str, ref: str = "refs/heads/main", message: str = "change") -> Sha:
        flags = [word for parent in parents for word in ("-p", parent)]
        sha = git(self.path, "commit-tree", *flags, "-m", message, tree)
        if ref:
            git(self.path, "update-ref", ref, sha)
        return Sha(sha)

    def commit(
        self, files: Mapping[str, bytes], *parents: str, ref: str = "refs/heads/main", message: str = "change"
    ) -> Sha:
        """Files in one folder; names are not checked."""
        tree = self.tree([("100644", self.blob(content), name) for name, content in files.items()])
        return self.commit_tree(tree, *parents, ref=ref, message=message)

    def delete(self, ref: str) -> None:
        git(self.path, "update-ref", "-d", ref)


@contextmanager
def serving(root: Path) -> Iterator[GitHost]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    host = GitHost(root, f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"host": host})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        if host.hang:
            host.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    host: GitHost
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class says so
        """Tests look into `requests` instead."""

    def _answer(self) -> None:
        host = self.host
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        host.requests.append(Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        host.arrived.set()
        if host.hang:
            host.hang.wait()
        with suppress(ConnectionError):
            if status := self._fault():
                self._say(status)
            else:
                self._backend(body)

    def _fault(self) -> int | None:
        host = self.host
        if host.redirect_to:
            return HTTPStatus.MOVED_PERMANENTLY
        if host.authorization and self.headers.get("Authorization") != host.authorization:
            return HTTPStatus.UNAUTHORIZED
        if self.command == "GET" and host.statuses:
            status = host.statuses.pop(0)
            return None if status == HTTPStatus.OK else status
        return None

    def _say(self, status: int) -> None:
        self.send_response(status)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        if self.host.redirect_to:
            self.send_header("Location", self.host.redirect_to + self.path)
        self.end_headers()

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],  # noqa: S607  # as above
            input=body,
            env=_IDENTITY
            | {
                "GIT_PROJECT_ROOT": str(self._root_for_this_fetch()),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": "" if self.host.only_advertised else self.headers.get("Git-Protocol", ""),
            },
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(lines.pop("Status", "200").split()[0]))
        for name, value in lines.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _root_for_this_fetch(self) -> Path:
        """One fetch is a GET and the POSTs after it."""
        host = self.host
        if self.command == "GET":
            host.shown = host.hidden.pop(0) if host.hidden else host.root
        return host.shown
