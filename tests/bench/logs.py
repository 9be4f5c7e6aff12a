"""P7: a suite that prints as much as it can."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.bench import bare
from tests.bench.figures import Figure, median
from tests.bench.product import product

_BYTES: Final = 200_000_000
_LINE: Final = "a line of a log, as long as many of them are, with a number 0123456789 in it"
_FLOOD: Final = f"yes '{_LINE}' | head -c {_BYTES}"
_ROUNDS: Final = 3


def measure() -> Iterator[Figure]:
    limits: list[float] = []
    took: list[float] = []
    memory: list[float] = []
    with product(network_default="none", log_limit="400MiB") as running:
        chain = running.repository("team/hello", f"{bare.UPTIME}\n{_FLOOD}\necho\n{bare.UPTIME}", commits=_ROUNDS)
        for sha in chain.commits:
            limits.append(_pipe())
            before = running.memory()
            running.forget_peak()
            chain.push(sha)
            check = chain.ended(sha)
            first, last = (float(line.split()[0]) for line in _ends(running.log(check.external_id)))
            took.append(last - first)
            memory.append(running.peak() - before)
    rate = _BYTES / 1e6
    yield Figure(
        name="P7",
        what=f"log of {_BYTES // 10**6} MB, stored while it comes",
        value=rate / median(took),
        unit="MB/s",
        limit=rate / median(limits),
        against="the same pipe out of the same container, read and forgotten",
    )
    yield Figure(
        name="P7", what="memory more meanwhile, at most", value=median(memory), unit="MB", limit=30, against="goal"
    )


def _ends(log: str) -> tuple[str, str]:
    """Its first and its last line."""
    return log[:100].splitlines()[0], log[-100:].splitlines()[-1]


def _pipe() -> float:
    """Seconds from the first to the last byte that a container sends through a named pipe to nobody in particular."""
    engine = bare.client()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        pipe = folder / "log"
        os.mkfifo(pipe)
        pipe.chmod(0o666)
        container = bare.create(engine, f"{_FLOOD} > /out/log", "none", binds=[f"{folder}:/out"])
        starter = threading.Thread(target=engine.start, args=(container,))
        starter.start()
        with pipe.open("rb", buffering=0) as output:
            output.read(1)
            began = time.monotonic()
            while output.read(1 << 18):
                pass
            took = time.monotonic() - began
        starter.join()
        engine.wait(container)
        engine.remove_container(container, v=True, force=True)
    engine.close()
    return took
