"""`assay serve` as a child process of the demo."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

import bot
from bot.demo.forge.hooks import wait_until

_START_LIMIT: Final = 30.0
_END_LIMIT: Final = 30.0
_BESIDE_LIMIT: Final = 120.0


class ServeFailed(Exception):
    """`assay serve` ended or never became ready; the text ends with what it wrote last."""


class Serving:
    """Started at once; `stop` ends it in good order."""

    def __init__(self, settings: Mapping[str, str], port: int, folder: Path, docker_host: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "serve.log"
        self._environment = {
            # Nothing from outside but what it takes to find programs and the engine: the demo is the same everywhere.
            "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
            "HOME": str(folder),
            "DOCKER_HOST": docker_host,
            "ASSAY_URL": self.url,
            "ASSAY_LISTEN": f"127.0.0.1:{port}",
            "ASSAY_DATA_DIR": str(folder / "data"),
            "ASSAY_REDIS_URL": "memory://",
            "ASSAY_DRAIN": "10s",
            **settings,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot", "serve"],
                cwd=Path(bot.__file__).parents[1],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends its child itself
            )

    def wait_ready(self) -> None:
        """Raises: ServeFailed."""
        try:
            wait_until(lambda: self.has_ended or self._is_ready(), _START_LIMIT, "it did not become ready in time")
        except TimeoutError as error:
            raise ServeFailed(f"{error}\n{self.last_words()}") from error
        if self.has_ended:
            raise ServeFailed(f"it ended with {self._process.returncode}\n{self.last_words()}")

    def run_beside(self, module: str, *arguments: str) -> None:
        """A module that works on the same store, to its end. Raises: ServeFailed."""
        done = subprocess.run(  # noqa: S603  # our own modules
            [sys.executable, "-m", module, *arguments],
            cwd=Path(bot.__file__).parents[1],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BESIDE_LIMIT,
            check=False,
        )
        if done.returncode:
            raise ServeFailed(f"{module} ended with {done.returncode}\n{done.stderr[-2000:]}")

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def last_words(self, lines: int = 15) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> bool:
        """SIGTERM, then SIGKILL if that or the user's patience fails; says whether it ended in good order."""
        self._process.terminate()
        try:
            status = self._process.wait(_END_LIMIT)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self._process.kill()
            status = self._process.wait()
        # uvicorn lets the signal through once its work is done.
        return status in (0, -signal.SIGTERM) and "serve.stopped" in self.last_words()

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False
