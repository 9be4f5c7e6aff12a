"""`python -m tests.soak.partition`: three workers and engines in three networks, one of which is cut off (F55).

All of it runs in namespaces that it makes: the middle one has the forge, the web processes, PostgreSQL, Redis and S3,
each other one a worker and its engine. The lease is the usual one. Ends with 1 when something was not as it must be.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.adapters.store_sql import open_engine, upgrade
from bot.demo.forge.hooks import wait_until
from tests import servers
from tests.engines import Namespace, private_engine
from tests.hosts.place import Host, Hosts, hosts
from tests.soak.story import Story

_NAMES: Final = ("north", "south", "west")
_INSIDE: Final = "ASSAY_TEST_INSIDE"
_FIRST: Final = 'echo "attempt $ASSAY_ATTEMPT"; [ "$ASSAY_ATTEMPT" != 1 ] || sleep 900\n'
LEASE: Final = 60.0
FENCED: Final = 0.75 * LEASE
TAKEN_OVER: Final = 120.0


@dataclass(slots=True)
class Wire:
    """Between the middle and another namespace: what is asked of the other's loopback, the middle's answers."""

    number: int
    there: Namespace

    def lay(self) -> None:
        name, here, there = f"wire{self.number}", f"10.199.{self.number}.1", f"10.199.{self.number}.2"
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "wire", "netns", str(self.there.pid))
        _run("ip", "address", "add", f"{here}/30", "dev", name)
        _run("ip", "link", "set", name, "up")
        _run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
        _run("iptables", "-t", "nat", "-A", "PREROUTING", "-i", name, "-p", "tcp", "-j", "DNAT", "--to", "127.0.0.1")
        self.there.run("ip", "address", "add", f"{there}/30", "dev", "wire")
        self.there.run("ip", "link", "set", "wire", "up")
        self.there.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
        loopback = ("-d", "127.0.0.1", "-p", "tcp", "-j", "DNAT", "--to", here)
        self.there.run("iptables", "-t", "nat", "-A", "OUTPUT", *loopback)
        self.there.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wire", "-j", "MASQUERADE")

    def cut(self, how: str = "-I") -> None:
        """Packets are lost without a word."""
        _run("iptables", how, "INPUT", "-i", f"wire{self.number}", "-j", "DROP")
        _run("iptables", how, "OUTPUT", "-o", f"wire{self.number}", "-j", "DROP")

    def mend(self) -> None:
        self.cut("-D")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.partition", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long the worker is cut off")
    seconds = parser.parse_args().seconds
    if os.environ.get(_INSIDE) != "1":
        inside = ["unshare", "--net", sys.executable, "-m", "tests.soak.partition", "--seconds", str(seconds)]
        return subprocess.run(inside, check=False, env={**os.environ, _INSIDE: "1"}).returncode  # noqa: S603  # ours
    _run("ip", "link", "set", "lo", "up")
    with tempfile.TemporaryDirectory(prefix="assay-partition-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with _scene(folder) as (here, wires):
            story = _play(here, wires, seconds)
            if story.wrong:
                sys.stdout.write(here.output[-20000:])
    sys.stdout.write(story.end)
    return 1 if story.wrong else 0


@contextmanager
def _scene(folder: Path) -> Iterator[tuple[Hosts, list[Wire]]]:
    with ExitStack() as stack:
        spaces = [stack.enter_context(contextlib.closing(Namespace())) for _ in _NAMES]
        wires = [Wire(number, space) for number, space in enumerate(spaces)]
        for wire in wires:
            wire.lay()
        engines = [stack.enter_context(private_engine(space)) for space in spaces]
        postgres = stack.enter_context(servers.postgres())
        with (postgres.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.199.0.0/16 trust\n")
        postgres.send(signal.SIGHUP)
        storage = stack.enter_context(servers.s3())
        url = postgres.create("partition")
        database = open_engine(url)
        upgrade(database)
        database.dispose()
        machines = [
            Host(name, engine.host, space.enter) for name, engine, space in zip(_NAMES, engines, spaces, strict=True)
        ]
        here = stack.enter_context(hosts(folder, postgres, url, storage.url, machines))
        here.redis.call("CONFIG", "SET", "protected-mode", "no")
        here.settings.update(LEASE=str(LEASE), LEASE_GRACE="15")
        here.start()
        yield here, wires


def _play(here: Hosts, wires: list[Wire], seconds: float) -> Story:
    story = Story()
    sha = here.push(_FIRST)
    here.wait_started()
    wait_until(lambda: bool(here.run_at(sha)), 60, "no check shows the run")
    run = here.run_at(sha)
    owner = here.workers.index(here.worker_of(run))
    story.began = time.monotonic()
    wires[owner].cut()
    story.tell(f"{_NAMES[owner]}, which has run 1, is cut off")
    _others_go_on(here, story, "while it is cut off")
    _run_is_taken_over(here, story, run)
    story.must(here.conclusions(sha)["assay / unit"] == "success", "the second attempt did not end the check")
    story.tell("the check is green")
    time.sleep(max(0.0, story.began + seconds - time.monotonic()))
    wires[owner].mend()
    story.tell("the wire is mended")
    _others_go_on(here, story, "afterwards")
    _works_again(here, story, owner)
    story.is_quiet(here)
    _nothing_is_twice(here, story, sha, run)
    return story


def _run_is_taken_over(here: Hosts, story: Story, run: str) -> None:
    wait_until(lambda: _count(here, "die", run) >= 1, TAKEN_OVER, "its container is not ended")
    fenced = story.tell("its worker has ended the container by itself")
    story.must(
        fenced < 1.25 * LEASE, f"the container was ended after {fenced:.0f} s, later than others may take over"
    )
    wait_until(lambda: _count(here, "start", run) >= 2, TAKEN_OVER, "nobody takes the run over")
    taken = story.tell("another worker has started the run again")
    story.must(taken < TAKEN_OVER, f"the run was taken over only after {taken:.0f} s")
    order = [one.what for one in here.engine.happened if one.run == run]
    story.must(order[:3] == ["start", "die", "start"], "two containers of the run lived at once")


def _nothing_is_twice(here: Hosts, story: Story, sha: str, run: str) -> None:
    with contextlib.closing(here.database()) as database:
        query = "SELECT outcome, reason FROM attempt WHERE run = ? ORDER BY n"
        attempts = [(row["outcome"], row["reason"]) for row in database.execute(query, (run,))]
    story.tell(f"attempts of run 1: {attempts}")
    story.must(attempts == [("queued", "worker_lost"), ("passed", None)], "not one attempt lost and one passed")
    checks = here.github.check_runs(here.repo, sha)
    told = [str(body.get("status")) for check in checks for body in check.history]
    story.tell(f"what the forge was told of {len(checks)} checks: {', '.join(told)}")
    story.must(told.count("completed") == len(checks), "an end was told twice")


def _others_go_on(here: Hosts, story: Story, when: str) -> None:
    began = time.monotonic()
    commits = here.pushes(4, f"echo {when}\n")
    story.must(all(here.conclusions(sha)["assay"] == "success" for sha in commits), f"a push {when} is not green")
    story.tell(f"four pushes {when} were green after {time.monotonic() - began:.1f} s")


def _works_again(here: Hosts, story: Story, owner: int) -> None:
    """As many long runs as there are workers need all of them."""
    commits = here.pushes(len(_NAMES), "sleep 20\n")
    for sha in commits:
        wait_until(lambda sha=sha: bool(here.run_at(sha)), 60, "no check shows the run")  # type: ignore[misc]  # mypy knows no type of a default
    runs = [here.run_at(sha) for sha in commits]
    held: set[str] = set()

    def is_there() -> bool:
        with contextlib.closing(here.database()) as database:
            rows = [database.execute("SELECT owner FROM run WHERE id = ?", (run,)).fetchone() for run in runs]
        held.update(row["owner"].partition("/")[0] for row in rows if row["owner"])
        return (here.workers[owner].data / "instance").read_text() in held

    with contextlib.suppress(TimeoutError):
        wait_until(is_there, 60, "")
    story.must(is_there(), f"{_NAMES[owner]} takes no work again")
    story.tell(f"{_NAMES[owner]} takes work")
    for sha in commits:
        here.conclusions(sha)


def _count(here: Hosts, what: str, run: str) -> int:
    return sum((one.what, one.run) == (what, run) for one in here.engine.happened)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603  # ours


if __name__ == "__main__":
    sys.exit(main())
