"""The product as it is run: `assay serve` in a process of its own, with a pretend GitHub that sends it webhooks."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bot.demo.command import free_port
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.state import CheckRun, Repo
from tests.images import DOCKER_HOST, busybox

ROOT: Final = Path(__file__).parents[2]
PERSON: Final = "ada"
SUITE: Final = "bench"
CHECK: Final = f"assay / {SUITE}"
_LIMIT: Final = 120.0
"""Seconds that anything may take before a benchmark is given up."""


@dataclass(frozen=True, slots=True)
class Product:
    github: PretendGitHub
    port: int
    pid: int
    folder: Path
    http: httpx.Client

    def repository(self, path: str, script: str, commits: int = 0, files: Mapping[str, str] | None = None) -> Chain:
        """One whose suite runs the script, with so many commits more, none of which the product has heard of."""
        lines = "".join(f"      {line}\n" for line in script.splitlines())
        suite = f"version: 1\nsuites:\n  {SUITE}:\n    image: {busybox()}\n    run: |\n{lines}"
        self.github.hooks.hold()
        repo = self.github.add_repository(path, {".assay.yml": suite, **(files or {})}, roles={PERSON: "write"})
        made = [
            self.github.commit(repo, "main", {"number": str(number)}, f"Number {number}", author=PERSON)
            for number in range(commits)
        ]
        self.github.hooks.release(())
        return Chain(self, repo, made)

    def log(self, run: str) -> str:
        return self.http.get(f"/runs/{run}/log").raise_for_status().text

    def memory(self) -> float:
        """MB of the process that are in memory."""
        return _status(self.pid, "VmRSS") / 1000

    def peak(self) -> float:
        """MB that it had at most since `forget_peak`."""
        return _status(self.pid, "VmHWM") / 1000

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def cpu(self) -> float:
        """Seconds that all of its threads have worked."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def runs_ended(self) -> int:
        """By its own metrics."""
        lines = self.http.get("/metrics").raise_for_status().text.splitlines()
        return round(sum(float(line.split()[-1]) for line in lines if line.startswith("assay_runs_total")))

    def request(self, path: str, event: str, body: bytes) -> bytes:
        """A signed webhook call that was never made before, as it goes over the wire."""
        key = self.github.app.webhook_secret.encode()
        head = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": secrets.token_hex(16),
            "X-GitHub-Hook-ID": str(self.github.app.hook_id),
            "X-Hub-Signature-256": f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}",
        }
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        return "\r\n".join(lines).encode() + body


@dataclass(frozen=True, slots=True)
class Chain:
    """A repository and its commits, each of which has the one before as its parent."""

    product: Product
    repo: Repo
    commits: list[str]

    def push(self, sha: str) -> float:
        """Push the commit to a branch of its own; the moment at which its webhook left, in seconds since 1970."""
        github = self.product.github
        github.push(self.repo, f"b-{sha}", sha, author=PERSON)
        github.hooks.settle()
        return max(one.delivered_at for one in github.hooks.sent if one.payload.get("after") == sha)

    def ended(self, sha: str, name: str = CHECK) -> CheckRun:
        """The commit's check of that name once it has ended."""

        def last() -> list[CheckRun]:
            return [one for one in self.product.github.check_runs(self.repo, sha, name) if one.status == "completed"]

        patient(lambda: bool(last()), f"{name} of {sha} did not end")
        return last()[-1]


@contextlib.contextmanager
def product(module: str = "", **settings: str) -> Iterator[Product]:
    """Started and ready, or `module` in its place; `settings` are ASSAY_… variables without that prefix."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        folder.chmod(0o711)
        port = free_port(0)
        github = PretendGitHub(folder / "forge", webhook_url=f"http://127.0.0.1:{port}/webhooks/github")
        github.start()
        ends.callback(github.stop)
        process = _serve([module] if module else ["bot", "serve"], folder, port, github, settings)
        ends.callback(_end, process)
        http = ends.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60))
        patient(lambda: _is_ready(http, process), "assay serve did not become ready")
        yield Product(github, port, process.pid, folder, http)


def patient(ready: Callable[[], bool], words: str, pause: float = 0.005) -> None:
    """Raises: TimeoutError: with the words."""
    end = time.monotonic() + _LIMIT
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(words)
        time.sleep(pause)


def _serve(
    command: Sequence[str], folder: Path, port: int, github: PretendGitHub, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    key = folder / "app.pem"
    key.touch(mode=0o600)
    key.write_text(github.private_key)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "HOME": str(folder),
        "DOCKER_HOST": DOCKER_HOST,
        "ASSAY_URL": f"http://127.0.0.1:{port}",
        "ASSAY_LISTEN": f"127.0.0.1:{port}",
        "ASSAY_DATA_DIR": str(folder / "data"),
        "ASSAY_GITHUB_URL": github.url,
        "ASSAY_GITHUB_APP_ID": str(github.app.id),
        "ASSAY_GITHUB_PRIVATE_KEY_FILE": str(key),
        "ASSAY_GITHUB_WEBHOOK_SECRET": github.app.webhook_secret,
        "ASSAY_DRAIN": "10s",
        **{f"ASSAY_{name.upper()}": value for name, value in settings.items()},
    }
    with (folder / "serve.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=log, stderr=log
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_ready(http: httpx.Client, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"assay serve ended with {process.returncode}")
    try:
        return http.get("/readyz").is_success
    except httpx.HTTPError:
        return False


def _status(pid: int, field: str) -> int:
    """In kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def uptime_now() -> float:
    """The moment since which the machine runs, in seconds since 1970: what a job's /proc/uptime counts from."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
