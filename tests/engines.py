"""A Docker engine of a test's own, in a network namespace of its own: it may be ended, killed and frozen freely."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import docker

from bot.demo.forge.hooks import wait_until
from bot.demo.image import make_busybox
from tests.images import BUSYBOX, answers
from tests.servers import Server

_PROGRAMS: Final = ("dockerd", "ip", "nsenter", "unshare")
_PATIENCE: Final = 20.0


def engine_programs() -> bool:
    """Can this machine have one?"""
    return os.geteuid() == 0 and all(shutil.which(name) for name in _PROGRAMS)


class Namespace:
    """A network of its own, with a loopback; it lasts until `close` and as long as anybody is in it."""

    def __init__(self) -> None:
        command = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"]
        self._holder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603  # ours
        assert self._holder.stdout
        assert self._holder.stdout.readline() == b"up\n"

    @property
    def pid(self) -> int:
        """Of a process in it."""
        return self._holder.pid

    @property
    def enter(self) -> list[str]:
        """What stands before a command that shall run in it."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]

    def run(self, *command: str) -> None:
        subprocess.run([*self.enter, *command], check=True, stdin=subprocess.DEVNULL)  # noqa: S603  # ours

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout
        self._holder.stdout.close()


class PrivateEngine(Server):
    """With the small image."""

    def __init__(self, folder: Path, namespace: Namespace, *, networks: bool = False, lasting: bool = False) -> None:
        """Without `networks` every container is alone, which starts faster; `lasting` ones outlive the engine."""
        name = folder.name
        (folder / "daemon.json").write_text(json.dumps({"live-restore": lasting}))
        alone = [] if networks else ["--bridge=none", "--iptables=false"]
        super().__init__(
            [
                *(*namespace.enter, "dockerd", f"--config-file={folder}/daemon.json", f"--data-root={folder}/data"),
                *(f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", f"--host=unix://{folder}/docker.sock"),
                *(f"--cgroup-parent=/{name}", f"--containerd-namespace={name}"),
                *(f"--containerd-plugins-namespace={name}-plugins", *alone),
            ],
            folder,
            port=0,
        )

    @property
    def host(self) -> str:
        """For DOCKER_HOST."""
        return f"unix://{self.folder}/docker.sock"

    def kill(self) -> None:
        """Its own containerd goes with it; what holds a container stays, and so the container runs on."""
        super().kill()
        for pid in _processes_of(self.folder, "containerd"):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not _processes_of(self.folder, "containerd"), _PATIENCE, "containerd does not end")
        # While nobody has collected the dead, its number seems to be in use.
        (self.folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def holders(self) -> list[int]:
        """Of its containers; each has one, which outlives the engine."""
        return _processes_of(self.folder, "containerd-shim-runc-v2")

    def clear(self) -> None:
        """Ends everything of it, also what a killed engine no longer knows of."""
        self.kill()
        wait_until(self._has_nothing, _PATIENCE, "processes of the engine do not end")
        for mount in reversed(_mounts_below(self.folder)):
            subprocess.run(["umount", "--lazy", mount], check=False)  # noqa: S603, S607  # ours

    def _has_nothing(self) -> bool:
        found = _processes_of(self.folder)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not found

    def _answers(self) -> bool:
        return answers(self.host)

    def start(self) -> Self:
        super().start()
        make_busybox(self.host, BUSYBOX)
        return self

    def client(self) -> docker.APIClient:
        return docker.APIClient(base_url=self.host, version="1.41", timeout=30)


@contextmanager
def private_engine(
    namespace: Namespace | None = None, *, networks: bool = False, lasting: bool = False
) -> Iterator[PrivateEngine]:
    """Started; in a namespace of its own if none is given."""
    with contextlib.ExitStack() as stack:
        above = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-engine-")))
        folder = above / f"engine-{secrets.token_hex(4)}"
        folder.mkdir()
        if namespace is None:
            namespace = stack.enter_context(contextlib.closing(Namespace()))
        engine = PrivateEngine(folder, namespace, networks=networks, lasting=lasting)
        stack.callback(engine.clear)
        yield engine.start()


def _processes_of(folder: Path, name: str = "") -> list[int]:
    """Those whose command line names a file below the folder; of one program if it is named."""
    return [int(place.name) for place in Path("/proc").glob("[0-9]*") if _is_its(place, folder, name)]


def _is_its(place: Path, folder: Path, name: str) -> bool:
    try:
        program, *words = (place / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(f"{folder}/".encode() in word for word in words) and name in ("", Path(program.decode()).name)


def _mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/mounts").read_text().splitlines()
    return [place for place in (line.split()[1] for line in lines) if place.startswith(f"{folder}/")]
