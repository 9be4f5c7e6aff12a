"""Suites that run as a user of their own (`environment.user`), in the real engine."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.sandbox_docker import DockerSandbox
from bot.ports.sandbox import FileLimits, Found
from tests.images import busybox_with
from tests.sandboxes import docker_sandbox, job, run

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to somebody else")
pytestmark = pytest.mark.docker
ODD = (12345, 23456)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[DockerSandbox]:
    with docker_sandbox(tmp_path) as one:
        yield one


@AS_ROOT
def test_a_script_runs_as_its_user_and_has_checkout_and_home(sandbox: DockerSandbox) -> None:
    script = 'id -u; id -g; id -G; cat given; echo more >> given; touch new "$HOME/new" /tmp/new; rm given'
    ran = run(sandbox, job(script, user=ODD), files={"given": b"content\n"})
    assert (ran.exit.code, ran.lines) == (0, ["12345", "23456", "23456", "content"])


@AS_ROOT
def test_groups_that_an_image_gives_its_user_are_not_the_scripts(sandbox: DockerSandbox) -> None:
    files = {
        "etc/passwd": (0o644, b"app:x:12345:0::/:/bin/sh\n"),
        "etc/group": (0o644, b"root:x:0:app\nother:x:7:app\n"),
    }
    image = busybox_with("assay-test/groups:1", [], files)
    assert run(sandbox, job("id -u; id -G", image=image, user=ODD)).lines == ["12345", "23456"]


@AS_ROOT
def test_a_link_among_the_sources_gives_away_nothing_outside(sandbox: DockerSandbox, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    wanted = job("true", user=ODD)
    folder = sandbox.workspace(wanted)
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(outside / "file")
    sandbox.run(wanted, write=lambda _: None, should_stop=lambda: None, on_start=lambda: None)
    assert {path.stat().st_uid for path in (outside, outside / "file")} == {0}
    assert (folder / "file").lstat().st_uid == ODD[0]


@AS_ROOT
def test_what_it_leaves_is_collected_and_removed(sandbox: DockerSandbox) -> None:
    script = "mkdir -m 700 own; echo result > own/file; chmod 000 own/file; mkdir -m 000 closed"
    wanted = job(script, user=ODD)
    assert run(sandbox, wanted).exit.code == 0
    files = sandbox.files(wanted.run, 1, lambda path: path == "own/file", FileLimits())
    assert [one.content.read() for one in files if isinstance(one, Found)] == [b"result\n"]
    sandbox.remove(wanted.run, 1)
    assert sandbox.leftovers() == []


@AS_ROOT
def test_nobody_else_on_the_machine_gets_at_programs_that_it_leaves(sandbox: DockerSandbox) -> None:
    wanted = job("cp /bin/busybox mine; chmod 4755 mine", user=ODD)
    assert run(sandbox, wanted).exit.code == 0
    place = sandbox.workspace(wanted).parent
    run(sandbox, wanted)
    assert (place.stat().st_uid, place.stat().st_gid, stat.S_IMODE(place.stat().st_mode)) == (0, ODD[1], 0o750)


@pytest.mark.parametrize("user", [(0, 0), (1000, 0), (0, 1000)])
def test_no_script_ever_runs_as_root(sandbox: DockerSandbox, user: tuple[int, int]) -> None:
    ran = run(sandbox, job("id -u", user=user))
    assert (ran.exit.code, ran.exit.error, ran.starts) == (None, "no script runs as root", 0)


def test_a_worker_that_is_not_root_says_that_it_can_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(os, "getegid", lambda: 4711)
    with docker_sandbox(tmp_path) as sandbox:
        wanted = job("true", user=ODD)
        sandbox.workspace(wanted)
        end = sandbox.run(wanted, write=lambda _: None, should_stop=lambda: None, on_start=lambda: None)
    assert (end.code, end.error) == (
        None,
        "only a worker that is root can run a suite as user 12345:23456; this one runs suites as 4711:4711",
    )
