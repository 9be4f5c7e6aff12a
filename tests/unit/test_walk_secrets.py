"""A run with secrets and artifacts, from the push to the log and the list of files."""

from pathlib import Path

from bot.app import secrets
from tests.fakes.forge import HELLO
from tests.fakes.sandbox import Act
from tests.walks import SUITES, World

ASKING = SUITES + "    secrets: [TOKEN]\n    artifacts: {paths: [code.txt]}\n"


def a_world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.forge.suite_files[""] = ASKING.encode()
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    secrets.set_secret(world.app, repository, "TOKEN", "hunter2hunter2", actor="ada")
    return world


def test_a_secret_reaches_the_script_and_not_its_log(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.sandbox.acts["sh tests/run.sh"] = Act(output=b"hunter2hunter2 is the token, hunter2")
    world.push()
    world.settle()
    (job,) = world.sandbox.jobs
    assert job.env["TOKEN"] == "hunter2hunter2"
    assert world.app.logs.read(world.run().id, 0, 1000).endswith(b"*** is the token, hunter2")
    assert "hunter2hunter2" not in world.run().tail


def test_artifacts_are_kept(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.push()
    world.settle()
    run = world.run().id
    with world.app.work() as work:
        (one,) = work.artifacts.of_run(run)
    assert one.sha256 is not None
    assert (one.path, world.app.artifacts.read(one.sha256, 0, 100)) == ("code.txt", b"1" * 40)
