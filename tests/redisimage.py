"""The Redis of this machine as an image, for suites that want a real service."""

import functools
import re
import subprocess
from pathlib import Path
from typing import Final

from tests.images import busybox_with
from tests.servers import redis_program

REDIS: Final = "assay-test/redis:1"
_LIBRARY: Final = re.compile(r"(/\S+) \(0x")


@functools.cache
def redis_image() -> str:
    """The image's name; it is there afterwards. Its user is nobody's, and it listens on all its addresses."""
    server = redis_program()
    assert server, "Redis is not installed"
    programs = {"bin/redis-server": server, "bin/redis-cli": str(Path(server).with_name("redis-cli"))}
    told = subprocess.run(["ldd", *programs.values()], check=True, capture_output=True, text=True).stdout  # noqa: S603, S607 - a program of this machine
    files = programs | {library.lstrip("/"): library for library in _LIBRARY.findall(told)}
    command = 'CMD ["redis-server", "--bind", "*", "--protected-mode", "no", "--save", ""]'
    return busybox_with(
        REDIS, [command, "USER 65532"], {name: (0o755, Path(path).read_bytes()) for name, path in files.items()}
    )
