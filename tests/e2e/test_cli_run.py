"""`assay run` as people start it: a process, a repository, the engine, and nothing left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import DOCKER_HOST, busybox, engine
from tests.workfolders import git, repository, write

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

FILE = """
environments:
  near: {{image: {image}, network: services}}
services:
  web:
    image: {image}
    command: sh -c "mkdir /tmp/w && echo hi > /tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w"
    ready: {{http: 8080/index.html, within: 20s}}
suites:
  good:
    image: {image}
    run: [cat README, 'echo "$ASSAY_SUITE on $ASSAY_BRANCH"']
  bad: {{image: {image}, run: echo no; exit 7}}
  after: {{image: {image}, run: "true", needs: [bad]}}
  cells:
    image: {image}
    matrix: {{word: [one, two]}}
    run: echo "word $MATRIX_WORD"
  served: {{environment: near, services: [web], run: "wget -q -O - http://web:8080/index.html"}}
  secret: {{image: {image}, secrets: [KEY], run: 'echo "the key $KEY"; test "$KEY" = correct-horse'}}
  long: {{image: {image}, run: "echo begun; while :; do sleep 0.1; done"}}
  gone: {{image: "assay-test/there-is-no-such-image:1", run: "true"}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A repository with suites; afterwards nothing of them is left in the engine or on disk."""
    before = left()
    made = repository(tmp_path / "here", {".assay.yml": FILE.format(image=busybox()), "README": "old\n"})
    yield made
    assert left() <= before
    assert not list((made / ".assay").glob("runs/*"))
    assert git(made, "status", "--porcelain", "--", ".assay") == ""


def left() -> set[str]:
    """What local runs have in the engine: of this one and of others that go on at the same time."""
    return {
        each["Id"]
        for each in engine().containers(all=True, filters={"label": "assay.instance"})
        if each["Labels"]["assay.instance"].startswith("local-")
    }


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "bot", "run", *args]


def environment(host: str = DOCKER_HOST) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nowhere",
        "DOCKER_HOST": host,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def run(root: Path, *args: str, host: str = DOCKER_HOST) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - no shell
        command(*args), cwd=root, env=environment(host), capture_output=True, text=True, check=False, timeout=100
    )


def test_the_files_are_taken_as_they_are_now(root: Path) -> None:
    write(root, {"README": "new\n"})
    done = run(root, "good")
    assert done.returncode == 0, done.stderr
    assert "$ cat README\nnew\n" in done.stdout
    assert "good on main\n" in done.stdout
    assert "✓ good  " in done.stdout
    assert b"new\n" in (root / ".assay/logs/good.log").read_bytes()


def test_a_failure_is_status_1_and_what_needs_it_is_skipped(root: Path) -> None:
    done = run(root, "bad", "after")
    assert done.returncode == 1, done.stderr
    assert "bad │ no\n" in done.stdout
    assert "✗ bad  echo no; exit 7 exited with 7 · " in done.stdout
    assert "- after  Skipped: needs bad, which did not pass\n" in done.stdout


def test_cells_run_with_their_values_and_can_be_chosen(root: Path) -> None:
    done = run(root, "cells", "--set", "word=two")
    assert done.returncode == 0, done.stderr
    assert ("word two" in done.stdout, "word one" in done.stdout) == (True, False)
    assert (root / ".assay/logs/cells-two.log").exists()


def test_services_are_reached_by_their_names(root: Path) -> None:
    done = run(root, "served")
    assert (done.returncode, "\nhi\n" in done.stdout) == (0, True), done.stdout + done.stderr


def test_secrets_of_a_file_are_given_and_masked(root: Path) -> None:
    write(root.parent, {"secrets": "KEY=correct-horse\n"})
    done = run(root, "secret", "--secrets-file", str(root.parent / "secrets"))
    assert (done.returncode, "the key ***\n" in done.stdout) == (0, True), done.stdout + done.stderr
    assert b"correct-horse" not in (root / ".assay/logs/secret.log").read_bytes()


def test_a_missing_image_could_not_run(root: Path) -> None:
    done = run(root, "gone")
    assert (done.returncode, "✗ gone  Could not run: " in done.stdout) == (3, True), done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 5)])
def test_a_signal_ends_what_runs(root: Path, number: signal.Signals, status: int) -> None:
    with begun(root) as process:
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, "✗ long  Cancelled" in said) == (status, True)


def test_a_second_signal_does_not_wait(root: Path) -> None:
    with begun(root) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130


def test_without_an_engine_it_could_not_run(root: Path) -> None:
    done = run(root, "good", host=f"unix://{root}/none.sock")
    assert (done.returncode, "the Docker engine does not answer" in done.stderr) == (3, True)
    assert "Traceback" not in done.stderr


@contextlib.contextmanager
def begun(root: Path) -> Iterator[subprocess.Popen[str]]:
    """With its container at work."""
    with subprocess.Popen(  # noqa: S603 - no shell
        command("long"), cwd=root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert "begun\n" in iter(process.stdout.readline, "")
            yield process
        finally:
            process.kill()
