"""Who runs without being asked, and what somebody who approves a stranger's change must look at."""

import enum
import re
from collections.abc import Iterable
from typing import Final


class ForkPolicy(enum.StrEnum):
    """Which changes by people without write access wait for an approval."""

    ALWAYS = "always"
    """Each commit of each of them."""
    FIRST_TIME = "first-time"
    """Until one by the same person was approved in this repository; what decides what is run waits all the same."""
    NEVER = "never"


_NAMES: Final = (
    r"\.assay\.ya?ml",
    r"[Mm]akefile|GNUmakefile|[Jj]ustfile|Rakefile|Taskfile\.ya?ml",
    r"Dockerfile[^/]*|package\.json|pom\.xml|build\.rs|build\.gradle(?:\.kts)?",
    r"setup\.py|conftest\.py|noxfile\.py|tox\.ini",
    r"[^/]*\.(?:sh|bash|zsh|ps1|bat|cmd)",
)
_RISKY: Final = re.compile(rf"(?:^|/)(?:{'|'.join(_NAMES)})$|^(?:scripts?|ci|tools|bin|hack)/|^\.[^/]+/")


def risky_paths(paths: Iterable[str], limit: int = 50) -> tuple[str, ...]:
    """Changed files that decide what is run; the suite file first, at most `limit`."""
    found = {path for path in paths if _RISKY.search(path)}
    return tuple(sorted(found, key=lambda path: (not path.startswith(".assay."), path))[:limit])
