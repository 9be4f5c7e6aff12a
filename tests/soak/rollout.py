"""`python -m tests.soak.rollout`: a newer version takes the place of every process while 20 jobs run (R9, F20).

Two web processes and two workers on PostgreSQL, Redis and S3. The newer version widens the table of runs and builds
an index on it when its first process starts. Each process is asked to end and its successor started, one by one.
Ends with 1 when a run failed or was started twice, or a line of a log was lost.
"""

import contextlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import bot
from bot.adapters.store_sql import open_engine, upgrade
from bot.adapters.store_sql.upgrade import MIGRATIONS
from bot.demo.forge.hooks import wait_until
from tests import servers
from tests.hosts.place import Hosts, hosts
from tests.soak.story import Story

_JOBS: Final = 20
_LINES: Final = 40
_SCRIPT: Final = f"""\
count() {{ for n in $(seq $1 $2); do echo line $n; sleep 0.2; done; }}
count 1 {_LINES // 2}
while [ ! -e go ]; do sleep 0.2; done
count {_LINES // 2 + 1} {_LINES}
"""
"""Writes before and after it is let go, which is while its worker is asked to end."""
_LOG: Final = [f"line {number}" for number in range(1, _LINES + 1)]
_PATIENCE: Final = 300.0
_COLUMN: Final = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "later_1", {head!r}


def upgrade() -> None:
    op.add_column("run", sa.Column("later", sa.Text(), nullable=False, server_default=sa.text("'old'")))
"""
_INDEX: Final = """
from bot.adapters.store_sql.widening import add_index

revision, down_revision = "later_2", "later_1"


def upgrade() -> None:
    add_index("ix_run_later", "run", ["later"])
"""


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="assay-rollout-") as name,
        servers.postgres() as postgres,
        servers.s3() as storage,
    ):
        folder = Path(name)
        folder.chmod(0o711)
        url = postgres.create("rollout")
        database = open_engine(url)
        upgrade(database)
        database.dispose()
        with hosts(folder, postgres, url, storage.url) as here:
            here.settings.update(LEASE="60", LEASE_GRACE="15", WORKERS=str(_JOBS // 2))
            story = _play(here, _newer_version(folder / "newer", here))
            if story.wrong:
                sys.stdout.write(here.output[-20000:])
    sys.stdout.write(story.end)
    return 1 if story.wrong else 0


def _newer_version(folder: Path, here: Hosts) -> Path:
    """The package with two more revisions."""
    shutil.copytree(Path(bot.__file__).parent, folder / "bot")
    versions = folder / "bot" / MIGRATIONS.relative_to(Path(bot.__file__).parent) / "versions"
    (versions / "later_1.py").write_text(_COLUMN.format(head=_revision(here)))
    (versions / "later_2.py").write_text(_INDEX)
    return folder


def _play(here: Hosts, newer: Path) -> Story:
    here.start()
    commits = here.pushes(_JOBS, _SCRIPT)
    wait_until(lambda: _states(here)["running"] == _JOBS, _PATIENCE, "not all run at once")
    story = Story()
    story.tell(f"{_JOBS} jobs run")
    for each in here.processes:
        began = time.monotonic()
        each.code = newer
        each.ask_to_end()
        if each in here.workers:
            commits.append(here.push("echo meanwhile\n"))
            here.let_go(each)
        story.must(each.terminate() == 0, f"{each.name} did not end in good order")
        ended = time.monotonic()
        each.start(**here.settings, WORKER_METRICS=each.url.removeprefix("http://"))
        back = time.monotonic()
        story.tell(f"{each.name} ended after {ended - began:.1f} s, the newer is ready {back - ended:.1f} s later")
        story.must(_revision(here) == "later_2", "the tables are not the newer version's")
    story.tell(f"all are replaced; runs: {dict(_states(here))}")
    wait_until(lambda: not here.unfinished(), _PATIENCE, "not all ended")
    _nothing_is_lost(here, story, commits)
    story.is_quiet(here)
    return story


def _nothing_is_lost(here: Hosts, story: Story, commits: list[str]) -> None:
    with contextlib.closing(here.database()) as database:
        runs = database.execute("SELECT id, sha, state, attempt FROM run").fetchall()
    failed = [run for run in runs if run["state"] != "passed"]
    again = [run for run in runs if run["attempt"] > 1]
    logs = {run["id"]: here.log(run["id"]).decode().splitlines() for run in runs}
    odd = [run for run, lines in logs.items() if lines not in (_LOG, ["meanwhile"])]
    story.tell(f"{len(runs)} runs: {len(failed)} failed, {len(again)} started again")
    story.tell(f"{sum(map(len, logs.values()))} lines, {len(odd)} logs in which one is missing or twice")
    story.must({run["sha"] for run in runs} == set(commits), "not every push has a run")
    story.must(not (failed or again or odd), "something was lost, doubled or failed")


def _states(here: Hosts) -> Counter[str]:
    with contextlib.closing(here.database()) as database:
        return Counter(row["state"] for row in database.execute("SELECT state FROM run"))


def _revision(here: Hosts) -> str:
    with contextlib.closing(here.database()) as database:
        found: str = database.execute("SELECT version_num FROM alembic_version").fetchone()["version_num"]
    return found


if __name__ == "__main__":
    sys.exit(main())
