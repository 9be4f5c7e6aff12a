"""Commands that ask a server: a real one, over HTTP, with what people see and the status that scripts see."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result

from bot.cli import main, remote
from bot.cli.calling import git
from bot.domain.runs import RunState, Trust
from bot.domain.tokens import Scope
from bot.web.asgi import make_asgi
from tests.fakes.forge import a_change
from tests.ports import free_port
from tests.web.conftest import World

ESCAPE = "\x1b]0;owned\x07"


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """Of a server over that world."""
    port = free_port()
    config = uvicorn.Config(make_asgi(world.app, world.watch), port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's settings, nobody's repository."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("ASSAY_TOKEN", "ASSAY_SERVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    return folder


@pytest.fixture
def here(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ASSAY_SERVER", url)
    return url


def assay(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, args, input=stdin)


def token(world: World, *scopes: Scope) -> str:
    return world.token(*(scopes or tuple(Scope)))["authorization"].removeprefix("Bearer ")


def ended(world: World, state: RunState, suite: str = "unit", log: bytes = b"hello\n") -> int:
    """The number of a build whose only run came to that."""
    run = world.running(world.build(), suite)
    world.write(run, log)
    world.end(run, state)
    return run.build


def test_signing_in_keeps_the_token_for_oneself(world: World, url: str, home: Path) -> None:
    run = world.finished(private=True)
    assert assay("auth", "login", "--server", url, stdin=token(world)).exit_code == 0
    kept = home / "config" / "assay" / "hosts.toml"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert assay("auth", "status").output == f"signed in to {url}\n"
    assert assay("runs", "view", str(run.build)).exit_code == 0
    assert assay("auth", "logout").exit_code == 0
    assert [assay("auth", "logout", "--server", url).exit_code, assay("runs", "list").exit_code] == [4, 2]


def test_a_token_that_the_server_does_not_take_is_not_kept(url: str, home: Path) -> None:
    assert assay("auth", "login", "--server", url, stdin="assay_x_y").exit_code == 4
    assert not (home / "config").exists()


def test_a_file_of_tokens_that_others_can_read_is_not_used(here: str, home: Path) -> None:
    kept = home / "config" / "assay" / "hosts.toml"
    kept.parent.mkdir(parents=True)
    kept.write_text(f'["{here}"]\ntoken = "assay_x_y"\n')
    kept.chmod(0o644)
    refused = assay("runs", "list")
    assert (refused.exit_code, "chmod 600" in refused.output) == (4, True)


def test_a_command_can_give_the_token(world: World, here: str, home: Path) -> None:
    world.finished(private=True)
    kept = home / "config" / "assay" / "hosts.toml"
    kept.parent.mkdir(parents=True)
    kept.write_text(f'["{here}"]\ntoken_command = "echo {token(world)}"\n')
    kept.chmod(0o600)
    assert [one["repository"] for one in json.loads(assay("runs", "list", "--json").output)] == ["acme/secret"]


@pytest.mark.parametrize("address", ["http://ci.example.org", "ftp://127.0.0.1", "ci.example.org", "http://[x"])
def test_no_token_goes_where_others_can_read_it(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ASSAY_SERVER", address)
    monkeypatch.setenv("ASSAY_TOKEN", "assay_x_y")
    assert assay("runs", "list").exit_code == 2


def test_a_server_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_SERVER", f"http://127.0.0.1:{free_port()}")
    assert assay("runs", "list").exit_code == 3


def test_builds_are_listed_and_filtered(world: World, here: str) -> None:
    failed = ended(world, RunState.FAILED)
    passed = ended(world, RunState.PASSED)
    listed = assay("runs", "list").output.splitlines()
    assert [line.split()[:2] for line in listed] == [[str(passed), "passed"], [str(failed), "failed"]]
    chosen = assay("runs", "list", "--state", "failed", "--json=number,state").output
    assert json.loads(chosen) == [{"number": failed, "state": "failed"}]
    assert assay("runs", "list", "--json=odd").exit_code == 2
    assert assay("runs", "list", "--state", "odd").exit_code == 2


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RunState.PASSED, 0),
        (RunState.FAILED, 1),
        (RunState.TIMED_OUT, 1),
        (RunState.CANCELLED, 5),
        (RunState.QUEUED, 8),
    ],
)
def test_the_exit_status_is_the_verdict(world: World, here: str, state: RunState, status: int) -> None:
    if state is RunState.QUEUED:
        number: int = world.run(world.build()).build
    else:
        number = ended(world, state)
    shown = assay("runs", "view", str(number))
    assert (shown.exit_code, f"build {number}" in shown.output) == (status, True)
    assert assay("runs", "watch", str(number), "--no-wait").exit_code == status


def test_watching_tells_each_change_and_ends_with_the_build(
    world: World, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, say = world.running(world.build()), remote._say

    def said(facts: dict[str, object]) -> None:
        say(facts)
        if facts["state"] == "running":
            world.end(run)

    monkeypatch.setattr(remote, "_say", said)
    told = assay("runs", "watch", str(run.build))
    assert told.exit_code == 0
    assert [line.split()[:3] for line in told.output.splitlines()[1:]] == [
        ["▸", "unit", "running"],
        ["✓", "unit", "passed"],
    ]


def test_what_failed_is_compared_with_its_last_pass(world: World, here: str) -> None:
    assert assay("runs", "compare", str(ended(world, RunState.FAILED))).output.endswith(
        "unit: has not passed on the default branch yet\n"
    )
    passed = world.finished(b"one\n").build
    number = ended(world, RunState.FAILED, log=f"{ESCAPE}two\n".encode())
    told = assay("runs", "compare", str(number))
    assert told.exit_code == 0
    assert told.output.startswith(f"unit: build {passed} passed → build {number} failed\n")
    assert "the logs differ from line 1 on: two\n" in told.output
    assert "\x1b" not in told.output
    found = json.loads(assay("runs", "compare", str(number), "--json=slower,log").output)
    assert found == [{"slower": [], "log": {"line": 1, "before": "one", "now": "two"}}]
    assert assay("runs", "compare", str(passed)).exit_code == 2
    assert assay("runs", "compare", str(passed), "unit").exit_code == 0


def test_a_strangers_build_is_approved_over_the_api(world: World, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build = world.build(change=7, base_ref="main", trust=Trust.UNTRUSTED)
    world.run(build, state=RunState.AWAITING_APPROVAL)
    world.forge.changes[7] = a_change(7, build.sha)
    assert assay("approve", str(build.id)).exit_code == 4
    monkeypatch.setenv("ASSAY_TOKEN", token(world))
    other = assay("approve", str(build.id), "--sha", "f" * 40)
    assert (other.exit_code, f"is of commit {build.sha}" in other.output) == (2, True)
    told = assay("approve", str(build.id), "--sha", build.sha, "--json")
    assert (told.exit_code, json.loads(told.output)["number"]) == (0, build.id)


def test_logs_addresses_and_who_one_is_are_for_programs_too(
    world: World, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = ended(world, RunState.FAILED, log=b"one\ntwo\n")
    (one,) = json.loads(assay("log", str(number), "--json=suite,state,log").output)
    assert one == {"suite": "unit", "state": "failed", "log": "one\ntwo\n"}
    monkeypatch.setenv("ASSAY_TOKEN", token(world))
    assert json.loads(assay("auth", "status", "--json").output) == {"server": here, "signed_in": True}


def test_watching_may_end_with_the_first_failure(world: World, here: str) -> None:
    build = world.build()
    world.running(build, "long")
    world.end(world.running(build, "unit"), RunState.FAILED)
    assert assay("runs", "watch", str(build.id), "--fail-fast").exit_code == 1


def test_the_log_of_what_failed_is_shown_without_what_steers_a_terminal(world: World, here: str) -> None:
    number = ended(world, RunState.FAILED, log=f"one\n{ESCAPE}two\n".encode())
    shown = assay("log", str(number))
    assert shown.exit_code == 0
    assert "one\n]0;ownedtwo\n" in shown.output
    assert assay("log", str(number), "--raw").stdout_bytes == f"one\n{ESCAPE}two\n".encode()
    assert assay("log", str(number), "odd").exit_code == 2
    assert "hello" in assay("log", str(ended(world, RunState.PASSED)), "unit").output


def test_cancelling_needs_the_right_to_it(world: World, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build = world.build()
    world.run(build)
    assert assay("runs", "cancel", str(build.id)).exit_code == 4
    monkeypatch.setenv("ASSAY_TOKEN", token(world))
    assert assay("runs", "cancel", str(build.id)).output == f"cancelled build {build.id}\n"
    assert assay("runs", "view", str(build.id)).exit_code == 5


def test_what_failed_runs_again(world: World, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TOKEN", token(world))
    world.forge.suite_files[""] = b"suites: {unit: {image: a, run: b}}"
    number = ended(world, RunState.FAILED)
    again = assay("retest", str(number))
    assert (again.exit_code, "unit runs again: build" in again.output) == (0, True)
    assert assay("retest", str(number), "odd").exit_code == 2
    assert assay("retest", str(ended(world, RunState.PASSED))).exit_code == 2


def test_any_call_can_be_made(world: World, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = world.finished()
    assert json.loads(assay("api", "get", f"/runs/{run.id}").output)["id"] == run.id
    assert assay("api", "GET", "/runs/nobody").exit_code == 4
    assert assay("api", "GET", "runs").exit_code == 2
    assert assay("api", "POST", "/runs", "--data", "{").exit_code == 2
    monkeypatch.setenv("ASSAY_TOKEN", token(world))
    assert assay("api", "POST", "/runs", "--data", "-", stdin='{"repository": 1}').exit_code == 2


def test_a_page_of_another_server_is_not_opened(world: World, here: str) -> None:
    """The world's own address is https://ci.example.org, and we asked another."""
    number = str(world.finished().build)
    assert assay("open", number).exit_code == 2
    assert assay("open", number, "--json").exit_code == 2


def test_without_a_number_it_is_the_newest_build_of_the_commit_here(world: World, here: str, home: Path) -> None:
    assert assay("runs", "view").exit_code == 2
    for args in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "--allow-empty", "-m", "x"],
        ["remote", "add", "origin", "git@github.com:acme/hello.git"],
        ["config", "assay.server", here],
    ):
        subprocess.run(["git", *args], cwd=home, check=True)  # noqa: S603, S607  # ours
    assert assay("runs", "view").exit_code == 2
    build = world.build(sha=git("rev-parse", "HEAD"))
    world.end(world.running(build), RunState.FAILED)
    shown = assay("runs", "view", "--json=number")
    assert (shown.exit_code, json.loads(shown.output)) == (1, {"number": build.id})
