"""What an installation has in the engine and on disk, by label and by the folders' names."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import docker

from bot.domain.runs import RunId
from bot.ports.sandbox import Leftover

_FOLDER: Final = re.compile(r"(?P<run>.+)-(?P<attempt>[0-9]+)(?:\.(?:log|end))?")
_FRACTION: Final = re.compile(r"(\.[0-9]{6})[0-9]+")


@dataclass(frozen=True, slots=True)
class _Trace:
    run: RunId
    attempt: int
    fence: int
    """0 for a folder, which does not know it."""
    made: float
    """Seconds since 1970."""


def leftovers(client: docker.APIClient, instance: str, folder: Path, now: float) -> Sequence[Leftover]:
    """One for each attempt of which anything is there."""
    groups: dict[tuple[RunId, int], list[_Trace]] = {}
    for trace in (*_in_engine(client, instance), *_on_disk(folder)):
        groups.setdefault((trace.run, trace.attempt), []).append(trace)
    return [
        Leftover(run, attempt, fence=max(one.fence for one in group), age=now - max(one.made for one in group))
        for (run, attempt), group in groups.items()
    ]


def _in_engine(client: docker.APIClient, instance: str) -> Iterator[_Trace]:
    wanted = {"label": f"assay.instance={instance}"}
    yield from _traces(client.containers(all=True, filters=wanted), "Created")
    yield from _traces(client.volumes(filters=wanted)["Volumes"] or (), "CreatedAt")
    yield from _traces(client.networks(filters=wanted), "Created")


def _traces(found: Iterable[Mapping[str, Any]], created: str) -> Iterator[_Trace]:
    for one in found:
        labels = one["Labels"]
        attempt, fence = labels.get("assay.attempt", ""), labels.get("assay.fence", "")
        if attempt.isdecimal() and fence.isdecimal() and "assay.run" in labels:
            yield _Trace(RunId(labels["assay.run"]), int(attempt), int(fence), seconds_of(one[created]))


def _on_disk(folder: Path) -> Iterator[_Trace]:
    for entry in folder.iterdir():
        if name := _FOLDER.fullmatch(entry.name):
            yield _Trace(RunId(name["run"]), int(name["attempt"]), 0, entry.lstat().st_mtime)


def seconds_of(created: int | str) -> float:
    """Containers have seconds, the others a text with nanoseconds, which is more than Python reads."""
    if isinstance(created, int):
        return created
    return datetime.fromisoformat(_FRACTION.sub(r"\1", created)).timestamp()
