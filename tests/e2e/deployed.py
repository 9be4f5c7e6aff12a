"""What the files of deploy/ describe, as real processes here: their commands and environment, other hosts."""

import configparser
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import yaml

from bot.demo.forge.hooks import wait_until
from tests import servers
from tests.ports import free_port

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
_PATIENCE: Final = 90.0
_ASSAY: Final = str(Path(sys.executable).parent / "assay")


@dataclass
class Described:
    """A process as a file describes it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    check: Sequence[str] = ()
    """Its health check."""
    folder: Path = field(default_factory=Path.cwd)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> Self:
        """With the environment that is described, and nothing else of ours but where programs are."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        self.environment = {"PATH": path, "HOME": str(self.folder), **self.environment}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603  # the files' own commands
                self.command,
                env=dict(self.environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return self

    @property
    def output(self) -> Path:
        return self.folder / f"{self.name}.log"

    def wait_healthy(self) -> None:
        wait_until(self._is_healthy, _PATIENCE, f"{self.name} does not become healthy")

    def _is_healthy(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.output.read_text(errors="replace")[-3000:]
        return run(self.check, self.environment)[0] == 0

    def stop(self) -> int:
        """As whoever looks after it does; the exit status."""
        assert self.process
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


def compose(values: Mapping[str, str]) -> dict[str, Any]:
    """The services of compose.production.yml, its variables filled in as Compose does it."""
    text = (DEPLOY / "compose.production.yml").read_text(encoding="utf-8")
    services: dict[str, Any] = yaml.safe_load(_filled(text, values))["services"]
    return services


def _filled(text: str, values: Mapping[str, str]) -> str:
    def fill(found: re.Match[str]) -> str:
        name, kind, word = found.groups()
        if name in values:
            return values[name]
        assert kind == "-", f"{name} must be set"
        return word

    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", fill, text)


def check_of(service: Mapping[str, Any]) -> list[str]:
    kind, *words = service["healthcheck"]["test"]
    return ["sh", "-c", *words] if kind == "CMD-SHELL" else words


def check_of_image() -> list[str]:
    """The health check of the image, for services without one of their own."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", text, re.MULTILINE)
    assert found
    words: list[str] = yaml.safe_load(found[1])
    return words


def entry() -> str:
    """What the image starts, which is where this environment has it."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["assay"]' in text
    return _ASSAY


def unit(name: str) -> configparser.SectionProxy:
    """The section [Service] of a unit."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of units have capitals
    parser.read(DEPLOY / "systemd" / f"{name}.service", encoding="utf-8")
    return parser["Service"]


def command_of(section: configparser.SectionProxy) -> list[str]:
    """With the program where it is here."""
    program, *words = shlex.split(section["ExecStart"])
    assert program == "/opt/assay/bin/assay"
    return [_ASSAY, *words]


def run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit status and everything said."""
    done = subprocess.run(  # noqa: S603  # the files' own commands
        command, check=False, env=dict(environment), capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def redis_of(service: Mapping[str, Any], folder: Path, port: int) -> Described:
    command = [*service["command"], "--port", str(port), "--bind", "127.0.0.1"]
    client, *words = check_of(service)
    return Described("redis", command, {}, [client, "-p", str(port), *words], folder)


def s3_of(service: Mapping[str, Any], folder: Path, port: int) -> Described:
    """Its parts have ports of their own, since others may run here."""
    data = folder / "s3"
    data.mkdir()
    parts = [f"-{part}.port={free_port()}" for part in ("master", "volume", "filer")]
    parts += [f"-{part}.port.grpc={free_port()}" for part in ("master", "volume", "filer", "s3")]
    words = [word.replace("/data", str(data)) for word in service["command"]]
    here = [f"-s3.port={port}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    return Described("s3", [servers.s3_program(), *words, *parts, *here], service["environment"], folder=folder)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # loopback
            return bool(answer.status == 200)
    except OSError:
        return False
