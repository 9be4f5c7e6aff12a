"""Network namespaces of a test's own, wires between them, and servers in them."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

needs_namespaces: Final = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "iptables", "iptables-restore", "nsenter", "busybox"))),
    reason="needs root, ip, iptables and busybox",
)


def do(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own words


def within(space: str) -> tuple[str, ...]:
    """What stands before a command that runs there."""
    return ("nsenter", f"--net=/run/netns/{space}")


@contextlib.contextmanager
def namespace(space: str) -> Iterator[None]:
    do("ip", "netns", "add", space)
    try:
        do("ip", "-n", space, "link", "set", "lo", "up")
        yield
    finally:
        do("ip", "netns", "del", space)


def wire(left: str, left_name: str, left_address: str, right: str, right_name: str, right_address: str) -> None:
    do("ip", "-n", left, "link", "add", left_name, "type", "veth", "peer", "name", right_name, "netns", right)
    for space, name, address in ((left, left_name, left_address), (right, right_name, right_address)):
        do("ip", "-n", space, "address", "add", f"{address}/24", "dev", name)
        do("ip", "-n", space, "link", "set", name, "up")


@contextlib.contextmanager
def server(space: str, port: int, folder: Path) -> Iterator[None]:
    """Gives the files of a folder to whoever asks."""
    command = [*within(space), "busybox", "httpd", "-f", "-p", str(port), "-h", str(folder)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own words
        try:
            yield
        finally:
            process.terminate()
