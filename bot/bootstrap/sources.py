"""Where code comes from: one folder of mirrors, for forges and for plain repositories."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bot.adapters.forge_git import GitRepositories
from bot.adapters.source_git import GitSource
from bot.domain.hosts import LOOPBACK
from bot.settings import Settings

_CHECKOUT_SECONDS: Final = 600.0
_FORGE_LAG: Final = (1.0, 2.0, 4.0, 8.0)
"""Seconds between tries while the forge does not show a commit that it has announced."""


def plain(settings: Settings, user: tuple[int, int]) -> GitRepositories | None:
    """Nothing announces commits of plain repositories, so nobody waits until they show."""
    allowed = settings.plain
    return GitRepositories(allowed, source(settings, user, lag=())) if allowed.patterns else None


def source(settings: Settings, user: tuple[int, int], lag: Sequence[float] = _FORGE_LAG) -> GitSource:
    return GitSource(
        settings.data_dir / "mirrors",
        user=user if os.geteuid() == 0 else None,
        allow_http_hosts=LOOPBACK,
        size_limit=settings.disk_max,
        time_limit=_CHECKOUT_SECONDS,
        lag=lag,
        environment={"GIT_SSH_COMMAND": _ssh(settings.data_dir / "ssh"), "GIT_SSH_VARIANT": "ssh"},
    )


def _ssh(folder: Path) -> str:
    """With our own key and to hosts that the operator knows, and nothing of anybody's configuration."""
    known, key = folder / "known_hosts", folder / "id"
    strict = f"-oBatchMode=yes -oStrictHostKeyChecking=yes -oUserKnownHostsFile={shlex.quote(str(known))}"
    return f"ssh -F none {strict} -oIdentitiesOnly=yes -i {shlex.quote(str(key))}"
