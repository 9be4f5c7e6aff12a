"""What an operator hears of an engine, by what it says of itself."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from bot.adapters.sandbox_docker.advising import advice

WELL: Final[Mapping[str, Any]] = {
    "ServerVersion": "20.10.24+dfsg1",
    "SecurityOptions": ["name=seccomp,profile=default"],
    "LiveRestoreEnabled": True,
    "DefaultAddressPools": [{"Base": "172.24.0.0/13", "Size": 28}],
    "MemoryLimit": True,
    "PidsLimit": True,
    "CpuCfsQuota": True,
}


def wrong(host: str, **more: object) -> list[str]:
    return [one.text for one in advice(host, {**WELL, **more}) if not one.ok]


def test_of_an_engine_that_is_as_it_should_be_nothing_is_told() -> None:
    assert list(advice("unix:///nowhere.sock", WELL)) == []


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"ServerVersion": "19.03.15"}, "Docker 19.03.15 is older than what was ever tried, 20.10"),
        ({"SecurityOptions": []}, "the engine filters no system calls of containers: it has no seccomp"),
        (
            {"MemoryLimit": False, "PidsLimit": False},
            "the engine's kernel can't limit memory, processes of containers",
        ),
    ],
)
def test_what_makes_an_engine_unsafe_is_wrong(more: dict[str, object], text: str) -> None:
    assert wrong("unix:///nowhere.sock", **more) == [text]


@pytest.mark.parametrize("more", [{"LiveRestoreEnabled": False}, {"DefaultAddressPools": None}])
def test_what_costs_comfort_alone_is_advice(more: dict[str, object]) -> None:
    (found,) = advice("unix:///nowhere.sock", {**WELL, **more})

    assert found.ok
    assert "/etc/docker/daemon.json" in found.help


@pytest.mark.parametrize(("mode", "told"), [(0o660, 0), (0o666, 1)])
def test_a_socket_that_everybody_may_use_is_told_with_its_mode(tmp_path: Path, mode: int, told: int) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(mode)

        found = wrong(f"unix://{path}")

    assert found == [f"everybody on this machine is root by {path}: its mode is {mode:o}"] * told


@pytest.mark.parametrize(("host", "told"), [("tcp://docker.example.org:2375", 1), ("tcp://127.0.0.1:2375", 0)])
def test_an_engine_that_listens_to_the_network_is_told(host: str, told: int) -> None:
    assert len(wrong(host)) == told
