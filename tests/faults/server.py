"""`assay serve` as a child process that tests kill, freeze and start again on the same data."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import httpx

import bot
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.hooks import wait_until
from tests.images import DOCKER_HOST

LEASE: Final = 4.0
_PATIENCE: Final = 300.0
_PLAIN: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Without authorities: everything here is plain http, and loading what nobody needs takes long."""


class Serve:
    """One process at a time, on one folder and port; its output of all starts is in one file."""

    def __init__(
        self,
        folder: Path,
        github: PretendGitHub,
        port: int,
        name: str = "serve",
        command: Sequence[str] = ("serve",),
        data: str = "data",
        docker_host: str = DOCKER_HOST,
        inside: Sequence[str] = (),
    ) -> None:
        """Several may share a folder; then their names differ. `inside` stands before the command."""
        self.url = f"http://127.0.0.1:{port}"
        self.name = name
        self.data = folder / data
        self.code = Path(bot.__file__).parents[1]
        """Where the package is that the next start runs."""
        self._command, self._inside = command, inside
        self._output = folder / f"{name}.log"
        key = folder / "app.pem"
        key.write_text(github.private_key)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
        self._environment = {
            **kept,
            "DOCKER_HOST": docker_host,
            "ASSAY_URL": self.url,
            "ASSAY_LISTEN": f"127.0.0.1:{port}",
            "ASSAY_DATA_DIR": str(self.data),
            "ASSAY_GITHUB_URL": github.url,
            "ASSAY_GITHUB_APP_ID": str(github.app.id),
            "ASSAY_GITHUB_PRIVATE_KEY_FILE": str(key),
            "ASSAY_GITHUB_WEBHOOK_SECRET": github.app.webhook_secret,
            "ASSAY_NETWORK_DEFAULT": "none",
            "ASSAY_WORKERS": "2",
            "ASSAY_LEASE": str(LEASE),
            "ASSAY_LEASE_GRACE": "1",
            "ASSAY_DISK_RESERVE": "1MiB",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def child(self) -> int:
        """Of a worker's processes the one that works; waits for it."""
        children: list[int] = []

        def look() -> bool:
            children[:] = map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())
            return bool(children)

        wait_until(look, _PATIENCE, "the worker has no child")
        return children[0]

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    def start(self, faultpoints: str = "", **settings: str) -> Self:
        """Returns when it is ready."""
        self._starts = self._started()
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # ourselves
                [*self._inside, sys.executable, "-m", "bot", *self._command],
                cwd=self.code,
                env={**self.environment(**settings), "ASSAY_FAULTPOINTS": faultpoints},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: self.has_ended or self._is_ready(), _PATIENCE, "it did not become ready")
        assert self._process.poll() in (None, -signal.SIGKILL), self.output[-3000:]
        return self

    def environment(self, **settings: str) -> dict[str, str]:
        """`settings` are names without ASSAY_, DOCKER_HOST and OpenTelemetry's."""
        others = ("DOCKER_HOST", "OTEL_")
        named = {name if name.startswith(others) else f"ASSAY_{name}": value for name, value in settings.items()}
        return {**self._environment, **named}

    def _is_ready(self) -> bool:
        """A worker has no address; it says when it takes work."""
        if self._command == ("worker",):
            return self._started() > self._starts
        return self.readiness == httpx.codes.OK

    def _started(self) -> int:
        """How often a worker has said that it takes work; its output is one from start to start."""
        return self.output.count("worker.started")

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def readiness(self) -> int:
        """The status of /readyz; 0 when nobody answers."""
        try:
            return self.get("/readyz").status_code
        except httpx.HTTPError:
            return 0

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=10, trust_env=False, verify=_PLAIN)

    def wait_killed(self) -> None:
        """Wait until a fault point has killed it."""
        assert self._process
        assert self._process.wait(_PATIENCE) == -signal.SIGKILL

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def ask_to_end(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def terminate(self) -> int:
        """SIGTERM; waits for the exit status."""
        assert self._process
        self.ask_to_end()
        return self._process.wait(_PATIENCE)

    def kill(self) -> None:
        if self._process and not self.has_ended:
            self._process.kill()
            self._process.wait()
