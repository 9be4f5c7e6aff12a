"""`assay run` as people start it: a process, a repository, the engine, and nothing left behind."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
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
    command: sh -c "echo at your service; mkdir /tmp/w; echo hi > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"
    ready: {{http: 8080/index.html, within: 20s}}
suites:
  good:
    image: {image}
    run: [cat README, 'cat .git/HEAD', 'echo "$ASSAY_SUITE on $ASSAY_BRANCH"']
  steps:
    image: {image}
    run: [echo first, "sh -c 'echo mine > left; echo why; exit 6'"]
  bad: {{image: {image}, run: echo no; exit 7}}
  after: {{image: {image}, run: "true", needs: [bad]}}
  cells:
    image: {image}
    matrix: {{word: [one, two]}}
    run: echo "word $MATRIX_WORD"
  served: {{environment: near, services: [web], run: "wget -q -O - http://web:8080/index.html"}}
  ill: {{environment: near, services: [web], run: "exit 9"}}
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


def test_what_the_services_of_a_failed_suite_printed_is_beside_its_log(root: Path) -> None:
    done = run(root, "ill")
    assert done.returncode == 1, done.stderr
    assert "log of service web: .assay/logs/ill+web.log\n" in done.stdout
    assert (root / ".assay/logs/ill+web.log").read_bytes() == b"at your service\n"


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


def test_the_end_tells_each_command_and_the_last_lines_of_the_one_that_failed(root: Path) -> None:
    done = run(root, "steps")
    assert done.returncode == 1, done.stderr
    _, _, end = done.stdout.partition("\n✗ steps  sh -c")
    told = [line.strip() for line in end.splitlines()[1:]]
    assert re.sub(r"  \d\S*s$", "", told[0]) == "✓ echo first"
    assert re.sub(r"  \d\S*s$", "", told[1]) == "✗ sh -c 'echo mine > left; echo why; exit 6'  exit 6"
    assert told[2:] == [
        "│ $ sh -c 'echo mine > left; echo why; exit 6'",
        "│ why",
        "hint: assay run steps --shell opens a shell in its container",
    ]


def test_git_knows_in_a_run_what_it_knows_outside(root: Path) -> None:
    write(root, {"README": "new\n"})
    done = run(root, "good")
    head = git(root, "rev-parse", "HEAD")
    assert f"\n{head}\n" in done.stdout


def test_what_failed_is_kept_until_it_is_cleaned(root: Path) -> None:
    done = run(root, "steps", "good", "--keep")
    assert "kept steps" in done.stderr
    assert "kept good" not in done.stderr
    (name,) = re.findall(r"docker exec -it -w /workspace/src (\S+) sh", done.stderr)
    api = engine()
    asked = api.exec_create(name, ["sh", "-c", "echo $ASSAY_SUITE; cat left; id -u"], workdir="/workspace/src")
    assert api.exec_start(asked["Id"]).decode().splitlines()[:2] == ["steps", "mine"]
    (files,) = re.findall(r"its files are in (\S+)", done.stderr)
    assert (Path(files) / "left").read_text() == "mine\n"
    assert run(root, "--clean").stdout == "assay: removed 1\n"
    assert not Path(files).exists()


def test_a_shell_opens_after_the_script_with_what_it_left(root: Path) -> None:
    seen = typed(root, ["steps", "--shell"], b"echo [$ASSAY_SUITE] [$(cat left)] [$PWD]; stty size; exit 3\n")
    assert "[steps] [mine] [/workspace/src]" in seen
    assert "33 99" in seen
    assert "✗ steps" in seen


def test_a_shell_wants_one_cell_and_a_terminal(root: Path) -> None:
    many, piped = run(root, "cells", "--shell"), run(root, "good", "--shell")
    assert (many.returncode, "is 1 suite, 2 cells: name it, or use --set" in many.stderr) == (2, True)
    assert (piped.returncode, piped.stderr) == (2, "assay: --shell needs a terminal\n")


def typed(root: Path, args: list[str], keys: bytes) -> str:
    """What a terminal of 33 rows shows where that is typed once the shell is announced."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 33, 99, 0, 0))
    with subprocess.Popen(  # noqa: S603 - no shell
        command(*args),
        cwd=root,
        env=environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        seen, is_typed = b"", False
        with contextlib.suppress(OSError):  # the other side is closed
            while piece := os.read(ours, 4096):
                seen += piece
                if not is_typed and b"/workspace/src $ " in seen:
                    os.write(ours, keys)
                    is_typed = True
        process.wait(60)
    os.close(ours)
    return seen.decode()


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
