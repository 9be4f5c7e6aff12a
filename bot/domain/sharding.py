"""Which shard runs what, so that all take about as long: by the times that were recorded before."""

import heapq
from collections.abc import Mapping


def group_of(name: str) -> str:
    """What a shard takes whole: the file, package or class that a test's name begins with."""
    return name.partition("::")[0]


def seconds_by_group(tests: Mapping[str, float]) -> dict[str, float]:
    groups: dict[str, float] = {}
    for name, seconds in tests.items():
        group = group_of(name)
        groups[group] = groups.get(group, 0.0) + seconds
    return groups


def shard_plan(groups: Mapping[str, float], shards: int, room: int) -> str:
    """A line `SHARD GROUP` for each, by name: the slowest first to whichever shard has least so far.

    `room`: bytes; beyond them the quickest groups are left out. Empty for less than one group a shard.
    """
    slowest_first = sorted((one for one in groups if one.isprintable()), key=lambda one: (-groups[one], one))
    loads = [(0.0, shard) for shard in range(1, shards + 1)]
    lines: dict[str, str] = {}
    for group in slowest_first:
        load, shard = loads[0]
        line = f"{shard} {group}"
        room -= len(line.encode(errors="replace")) + 1
        if room < 0:
            break
        heapq.heapreplace(loads, (load + groups[group], shard))
        lines[group] = line
    return "\n".join(lines[group] for group in sorted(lines)) if len(lines) >= shards else ""
