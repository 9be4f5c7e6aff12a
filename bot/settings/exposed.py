"""What the settings leave open to others: files that everybody may read, passwords that everybody guesses (S127)."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from bot.domain.findings import Finding
from bot.domain.suites import GIB
from bot.settings import PREFIX, Settings

_MOUNTED: Final = "/run/secrets/"
"""In a container of its own, where nobody else is."""
_GUESSED: Final = frozenset(
    ("admin", "assay", "change-me", "changeme", "default", "example", "minioadmin", "password", "postgres", "redis")
) | frozenset(("root", "s3cret", "secret", "test", "1234", "123456", "12345678"))


def exposed(settings: Settings) -> Iterator[Finding]:
    for path in _private(settings):
        if _is_open(path):
            mode = stat.S_IMODE(path.stat().st_mode)
            text = f"everybody on this machine may read {path}: its mode is {mode:o}"
            yield Finding(ok=False, text=text, help=f"chmod o-rwx {path}")
    for name, url in _urls(settings).items():
        if _is_guessed(url):
            text = f"the password in {name} is one that anybody tries first"
            yield Finding(ok=False, text=text, help="set a long one made by chance")


def room(settings: Settings) -> Iterator[Finding]:
    """Where the data folder is, for a process whose engine nobody asks for its disk."""
    disk = shutil.disk_usage(settings.data_dir)
    text = f"{disk.free / GIB:.0f} of {disk.total / GIB:.0f} GiB are free at {settings.data_dir}"
    if disk.free < min(settings.disk_reserve, disk.total * 0.15):
        yield Finding(ok=False, text=text, help="remove something, or give it a larger disk")
    else:
        yield Finding(ok=True, text=text)


def _private(settings: Settings) -> Iterator[Path]:
    yield settings.data_dir / "secret.key"
    if (url := urlsplit(settings.database)).scheme == "sqlite" and url.path.strip("/"):
        file = url.path[1:]  # three slashes before a relative path, four before an absolute one
        yield from (Path(f"{file}{end}") for end in ("", "-wal", "-shm"))
    named = {os.environ[name] for name in os.environ if name.startswith(PREFIX) and name.endswith("_FILE")}
    yield from (Path(path) for path in sorted(named) if not path.startswith(_MOUNTED))


def _is_open(path: Path) -> bool:
    """Everybody may read or change it, and gets there."""
    try:
        mode = path.stat().st_mode
        ways = [parent.stat().st_mode for parent in path.absolute().parents]
    except OSError:
        return False
    return bool(mode & (stat.S_IROTH | stat.S_IWOTH)) and all(one & stat.S_IXOTH for one in ways)


def _urls(settings: Settings) -> dict[str, str]:
    found = {"ASSAY_DATABASE_URL": settings.database, "ASSAY_STORAGE_URL": settings.storage}
    return found | ({"ASSAY_REDIS_URL": settings.redis} if settings.redis else {})


def _is_guessed(url: str) -> bool:
    address = urlsplit(url)
    password = unquote(address.password or "").lower()
    return password in _GUESSED or (password != "" and password == unquote(address.username or "").lower())
