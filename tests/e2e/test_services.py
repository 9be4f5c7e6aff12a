"""A matrix of suites, each beside a Redis of its own, from a push to the check."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.images import busybox
from tests.redisimage import redis_image
from tests.sandboxes import docker_sandbox
from tests.walks import ONE, World

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

FILE: Final = """
services:
  small: {{image: "{redis}", command: redis-server --bind * --protected-mode no --databases 1,
           ready: {{command: redis-cli ping, within: 60s}}}}
  large: {{image: "{redis}", ready: {{tcp: 6379, within: 60s}}}}
suites:
  unit:
    image: {busybox}
    matrix:
      store: [small, large]
    services: ["${{{{ matrix.store }}}}"]
    run: |
      ask() {{ printf '%s\\r\\n' "$@" QUIT | nc $MATRIX_STORE 6379; }}
      ask "SET color green" "GET color" "CONFIG GET databases"
      test "$(ask "SELECT 3" | grep -c OK)" = 2
"""


def test_each_cell_has_a_redis_of_its_own_and_the_check_shows_them_in_a_table(tmp_path: Path) -> None:
    world = World(tmp_path)
    with docker_sandbox(tmp_path / "docker") as sandbox:
        world.app = replace(world.app, sandbox=sandbox)
        world.forge.suite_files[""] = FILE.format(redis=redis_image(), busybox=busybox()).encode()
        world.push()
        world.source.add(ONE, {"readme": ""})
        world.settle()
        logs = {run.suite.key: world.app.logs.read(run.id, 0, 1 << 20).decode() for run in world.runs()}

    said = "+OK\r\n$5\r\ngreen\r\n*2\r\n$9\r\ndatabases\r\n"
    assert logs == {
        "unit (small)": f"{said}$1\r\n1\r\n+OK\r\n",
        "unit (large)": f"{said}$2\r\n16\r\n+OK\r\n",
    }
    (shown,) = world.forge.checks(ONE, "assay / unit")
    head, _, *rows = shown.check.text.splitlines()[:4]
    assert head == "| store | result |  | time |"
    assert [row.split(" | ")[:2] for row in rows] == [["| `small`", "✗ failed"], ["| `large`", "✓ passed"]]
    assert sandbox.leftovers() == []
