"""One tree, run by `assay run` and by the server: the same log and the same verdict."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.app.local import run_suites
from bot.bootstrap import build_local, work_tree
from bot.cli.workplace import read_suite_file
from bot.domain.runs import Run
from bot.domain.suite_check import run_line, title
from bot.domain.suites import Limits
from bot.settings import Settings
from tests.images import DOCKER_HOST, busybox
from tests.sandboxes import docker_sandbox
from tests.walks import ONE, World
from tests.workfolders import repository

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

SUITES = """
environments:
  near: {{image: {image}, memory: 48MiB, network: services}}
services:
  web:
    image: {image}
    command: sh -c "mkdir /tmp/w && echo hi > /tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w"
    ready: {{http: 8080/index.html, within: 20s}}
suites:
  steps:
    image: {image}
    matrix: {{word: [one, two]}}
    env: {{GREETING: "it's"}}
    run:
      - cat code.txt
      - printf "%s $MATRIX_WORD" "$GREETING"; cd sub
      - pwd; ls; id -u; sh ./tool; test $MATRIX_WORD = one
  script: {{image: {image}, run: "umask; ulimit -a; echo $HOME $TERM; exit 137"}}
  served: {{environment: near, services: [web], run: "wget -q -O - http://web:8080/index.html; echo x > left"}}
  greedy: {{environment: near, run: "tail -c 100000000 < /dev/zero"}}
  silent: {{image: {image}, run: "echo begun; sleep 60", timeout: 1s}}
  late: {{image: {image}, needs: [silent], run: "true"}}
"""
FILES = {"code.txt": "the code\n", "sub/tool": '#!/bin/sh\necho tool "$ASSAY_SUITE" "$CI"\n'}


def here(root: Path) -> dict[str, tuple[Run, bytes]]:
    """As `assay run` does it."""
    logs: dict[str, list[bytes]] = {}
    tree = work_tree(root)
    file = read_suite_file(root)
    with build_local(Settings(docker_host=DOCKER_HOST), tree) as local:
        runs = run_suites(
            local,
            file.suites,
            {},
            lambda suite: logs.setdefault(suite.key, []).append,
            lambda _: None,
            lambda: None,
        )
    return {run.suite.key: (run, b"".join(logs.get(run.suite.key, ()))) for run in runs}


def there(folder: Path, files: dict[str, str]) -> dict[str, tuple[Run, bytes]]:
    """As the server does it, from a push on."""
    world = World(folder)
    with docker_sandbox(folder / "docker") as sandbox:
        world.app = replace(world.app, sandbox=sandbox)
        world.forge.suite_files[""] = files[".assay.yml"].encode()
        world.push()
        world.source.add(ONE, files)
        world.settle()
        runs = {run.suite.key: run for run in world.runs()}
        return {key: (run, world.app.logs.read(run.id, 0, 1 << 20)) for key, run in runs.items()}


def test_log_and_verdict_of_a_tree_are_the_same_here_and_there(tmp_path: Path) -> None:
    files = {**FILES, ".assay.yml": SUITES.format(image=busybox())}
    root = repository(tmp_path / "here", files)
    ours, theirs = here(root), there(tmp_path / "there", files)
    assert set(ours) == set(theirs)
    for key, (run, log) in ours.items():
        their_run, their_log = theirs[key]
        assert log == their_log, key
        assert (run.state, run.reason, run.exit_code, run.out_of_memory) == (
            their_run.state,
            their_run.reason,
            their_run.exit_code,
            their_run.out_of_memory,
        )
        assert [(one.number, one.offset, one.code) for one in run.groups] == [
            (one.number, one.offset, one.code) for one in their_run.groups
        ]
        assert untimed(title(run, Limits())) == untimed(title(their_run, Limits()))
        assert run_line(run.suite) == run_line(their_run.suite)
    assert {key: run.state.value for key, (run, _) in ours.items()} == {
        "steps (one)": "passed",
        "steps (two)": "failed",
        "script": "failed",
        "served": "passed",
        "greedy": "failed",
        "silent": "timed_out",
        "late": "skipped",
    }


def untimed(words: str) -> str:
    return words.partition("Passed in")[0] or "passed"
