"""Running scripts in the real engine: output, ends, limits and what goes wrong between."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.sandbox_docker import DockerSandbox
from bot.domain.errors import SandboxUnavailable
from bot.domain.suites import MIB, Limits, Network
from bot.ports.sandbox import Job, Stop
from tests.images import empty_image, engine
from tests.sandboxes import after, docker_sandbox, job, never, run

pytestmark = pytest.mark.docker


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[DockerSandbox]:
    with docker_sandbox(tmp_path) as one:
        yield one


def container_of(sandbox: DockerSandbox, wanted: Job) -> str:
    return f"assay-{sandbox._instance}-{wanted.run}-{wanted.attempt}"


# What it prints (C35, C37)


def test_every_byte_arrives_however_large_and_odd(sandbox: DockerSandbox) -> None:
    odd = bytes(range(256)) * 4096 + b"\r50%\r100%\r\n\x1b[31mred\x1b[0m\n\n\xe2\x82" + b"\xac no newline at the end"

    ran = run(sandbox, job("cat odd"), files={"odd": odd})

    assert ran.output == odd


def test_a_line_of_many_megabytes_does_not_hide_what_follows(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("echo 1; head -c 15000000 /dev/zero | tr '\\0' y; echo; echo 2"))

    assert ran.output == b"1\n" + b"y" * 15_000_000 + b"\n2\n"


def test_a_script_that_opens_its_error_output_anew_empties_nothing(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("echo one; echo two > /dev/stderr; echo three >&2; echo four > /dev/stdout"))

    assert ran.lines == ["one", "two", "three", "four"]


def test_a_flood_is_ended_at_the_log_limit_without_grace(tmp_path: Path) -> None:
    seen: list[int] = []

    with docker_sandbox(tmp_path, grace=1000) as sandbox:
        wanted = job("trap '' TERM; yes 'spam spam spam'")
        sandbox.workspace(wanted)
        end = sandbox.run(
            wanted,
            write=lambda piece: seen.append(len(piece)),
            should_stop=lambda: Stop.LOG_LIMIT if sum(seen) > MIB else None,
            on_start=lambda: None,
        )

    assert end.stopped is Stop.LOG_LIMIT
    assert max(seen) <= 1 << 18


def test_the_log_limit_counts_also_when_the_script_was_faster(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("echo much"), should_stop=lambda: Stop.LOG_LIMIT if engine_says_ended(sandbox) else None)

    assert ran.exit.stopped is Stop.LOG_LIMIT


def engine_says_ended(sandbox: DockerSandbox) -> bool:
    found = engine().containers(all=True, filters={"label": f"assay.instance={sandbox._instance}"})
    return any(one["State"] == "exited" for one in found)


def test_a_script_that_prints_elsewhere_still_ends(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("echo here; exec > file 2>&1; sleep 0.3; echo there; exit 4"))

    assert (ran.output, ran.exit.code) == (b"here\n", 4)


# How it ends (C38, C41, RELIABILITY §6.3)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 255", 255),
        ("exit 256", 0),
        ("exit 137", 137),
        ("exit 143", 143),
        ("sh -c 'kill -9 $$'; exit 5", 137),
        ("sh -c 'kill -9 $$' || exit $?", 137),
        ("no-such-command", 127),
        ("echo 'echo' > f; ./f", 126),
        ("false; echo not reached", 1),
        ("echo $unset", 2),
        ("kill -SYS $$", 159),
        ("sleep 100 & exit 6", 6),
    ],
)
def test_the_exit_code_is_the_scripts(sandbox: DockerSandbox, script: str, code: int) -> None:
    ran = run(sandbox, job(script))

    assert (ran.exit.code, ran.exit.by_itself, ran.exit.stopped, ran.exit.out_of_memory) == (code, True, None, False)


def test_scripts_that_end_at_once_lose_nothing(sandbox: DockerSandbox) -> None:
    jobs = [job("echo out; echo err >&2; exit 3") for _ in range(50)]

    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(lambda wanted: run(sandbox, wanted), jobs))

    assert {(ran.exit.code, ran.output) for ran in ends} == {(3, b"out\nerr\n")}
    assert len(sandbox.leftovers()) == 50


@pytest.mark.parametrize(
    ("script", "code", "killed"),
    [
        ("exec tail /dev/zero", 137, True),
        ("tail /dev/zero || exit 9", 9, True),
        ("tail /dev/zero || exit 0", 0, True),
        ("exit 137", 137, False),
    ],
)
def test_out_of_memory_is_what_the_engine_says(sandbox: DockerSandbox, script: str, code: int, killed: bool) -> None:
    ran = run(sandbox, job(script, limits=Limits(memory=32 * MIB)))

    assert (ran.exit.code, ran.exit.out_of_memory) == (code, killed)


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_an_end_from_outside_is_not_the_scripts(sandbox: DockerSandbox, signal: str) -> None:
    wanted = job("echo on; sleep 100")

    ran = run(sandbox, wanted, on_start=later(0.3, lambda: engine().kill(container_of(sandbox, wanted), signal)))

    assert (ran.exit.by_itself, ran.exit.stopped) == (False, None)


def later(seconds: float, act: Callable[[], object]) -> Callable[[], None]:
    return lambda: threading.Timer(seconds, act).start()


def test_a_container_that_somebody_removed_is_a_fault_of_the_sandbox(sandbox: DockerSandbox) -> None:
    wanted = job("sleep 100")

    with pytest.raises(SandboxUnavailable, match="removed"):
        run(sandbox, wanted, on_start=lambda: engine().remove_container(container_of(sandbox, wanted), force=True))


def test_an_image_without_a_shell_cannot_run_anything(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("true", image=empty_image("assay-test/empty:1")))

    assert ran.exit.code is None
    assert "/bin/sh could not be started" in ran.exit.error


# How we end it (C32, C40)


def test_a_script_has_time_to_clean_up(tmp_path: Path) -> None:
    with docker_sandbox(tmp_path, grace=50) as sandbox:
        ran = run(sandbox, job("trap 'echo bye; exit 0' TERM; sleep 100"), should_stop=after(6, Stop.TIMEOUT))

    assert ran.exit.stopped is Stop.TIMEOUT
    assert ran.lines[-1] == "bye"


def test_a_script_that_ignores_term_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    with docker_sandbox(tmp_path, grace=0.5) as sandbox:
        script = "trap '' TERM INT HUP; echo on; while :; do sleep 0.1; echo still; done"
        ran = run(sandbox, job(script), should_stop=after(6, Stop.CANCELLED))

    assert (ran.exit.code, ran.exit.stopped) == (137, Stop.CANCELLED)
    assert "still" in ran.lines


def test_a_lost_lease_ends_the_grace_time(tmp_path: Path) -> None:
    reasons = iter([None] * 5 + [Stop.CANCELLED] * 5)

    with docker_sandbox(tmp_path, grace=1000) as sandbox:
        wanted = job("trap '' TERM; while :; do sleep 0.1; done")
        ran = run(sandbox, wanted, should_stop=lambda: next(reasons, Stop.LEASE_LOST))

    assert ran.exit.stopped is Stop.CANCELLED


def test_a_stopped_process_is_ended_as_well(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("kill -STOP $$"), should_stop=after(6, Stop.TIMEOUT))

    assert ran.exit.stopped is Stop.TIMEOUT


def test_silence_is_no_reason_to_end_it(sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.sandbox_docker.watching._WAIT", 1)

    ran = run(sandbox, job("sleep 2.5; echo done"))

    assert (ran.exit.code, ran.output) == (0, b"done\n")


@pytest.mark.parametrize("at", ["write", "start"])
def test_an_error_of_ours_leaves_nothing_running(sandbox: DockerSandbox, at: str) -> None:
    wanted = job("echo on; sleep 100")
    sandbox.workspace(wanted)

    with pytest.raises(ZeroDivisionError):
        sandbox.run(
            wanted,
            write=lambda piece: None if at == "start" else broken(),
            should_stop=never,
            on_start=lambda: broken() if at == "start" else None,
        )

    engine().wait(container_of(sandbox, wanted), timeout=20)


def broken() -> None:
    raise ZeroDivisionError


# What it may use (S074, S075, S077)


def test_a_folder_that_grows_too_large_ends_the_job(tmp_path: Path) -> None:
    with docker_sandbox(tmp_path, measure_every=0.2, grace=1000) as sandbox:
        wanted = job("trap '' TERM; dd if=/dev/zero of=big bs=1M count=9; sleep 100", limits=Limits(disk=4 * MIB))
        ran = run(sandbox, wanted)

    assert ran.exit.stopped is Stop.DISK_LIMIT


def test_a_fork_bomb_is_held_and_another_run_is_not_disturbed(sandbox: DockerSandbox) -> None:
    bomb = job("i=0; while [ $i -lt 500 ]; do sleep 50 & i=$((i+1)); done; echo all", limits=Limits(pids=32))
    beside = job("echo fine")

    with ThreadPoolExecutor(2) as pool:
        bombed, other = pool.map(lambda wanted: run(sandbox, wanted), [bomb, beside])

    assert (bombed.exit.code != 0, bombed.exit.out_of_processes, other.exit.out_of_processes) == (True, True, False)
    assert "all" not in bombed.lines
    assert other.lines == ["fine"]


def test_a_file_that_grows_too_large_ends_its_writer_by_signal(sandbox: DockerSandbox) -> None:
    ran = run(sandbox, job("exec dd if=/dev/zero of=big bs=64k count=100", limits=Limits(file=MIB)))

    assert ran.exit.code == 153


def test_open_files_and_core_dumps_are_limited(sandbox: DockerSandbox) -> None:
    assert run(sandbox, job("ulimit -Hn; ulimit -Hc; cat /proc/self/oom_score_adj")).lines == ["4096", "0", "500"]


@pytest.mark.parametrize(
    ("then", "reason"),
    [("exit 3", None), ("sleep 100", Stop.TIMEOUT), ("trap '' TERM; sleep 100", Stop.LEASE_LOST)],
)
def test_what_it_took_of_memory_and_time_is_known_however_it_ended(
    sandbox: DockerSandbox, then: str, reason: Stop | None
) -> None:
    shown: list[bytes] = []
    wanted = job(f"head -c 40000000 /dev/zero > /tmp/big; echo full; {then}", limits=Limits(memory=256 * MIB))
    sandbox.workspace(wanted)

    end = sandbox.run(
        wanted, write=shown.append, should_stop=lambda: reason if shown else None, on_start=lambda: None
    )

    assert end.stopped is reason
    assert end.peak_memory is not None
    assert 40_000_000 < end.peak_memory <= 256 * MIB
    assert end.cpu_seconds is not None
    assert 0 < end.cpu_seconds < 60


def test_what_a_container_took_that_was_killed_from_outside_is_not_known(sandbox: DockerSandbox) -> None:
    wanted = job("sleep 100")

    ran = run(sandbox, wanted, on_start=lambda: engine().kill(container_of(sandbox, wanted)))

    assert (ran.exit.peak_memory, ran.exit.cpu_seconds) == (None, None)


# What is left (S079, C40)


def test_a_second_run_finds_nothing_of_the_first(sandbox: DockerSandbox) -> None:
    places = "/workspace/src /tmp /dev/shm"
    first = run(sandbox, job(f"for place in {places}; do echo secret > $place/mark; done"))

    second = run(sandbox, job(f"ls -A {places}; grep -o 'assay-[^ ]*' /proc/mounts || true"))

    assert first.exit.code == 0
    assert "mark" not in second.text


def test_network_volume_and_folder_go_with_the_container(sandbox: DockerSandbox, tmp_path: Path) -> None:
    wanted = job("echo on", network=Network.INTERNET)
    ran = run(sandbox, wanted)
    name = container_of(sandbox, wanted)
    before = [one["Name"] for one in engine().networks(names=[name])]

    sandbox.remove(wanted.run, wanted.attempt)

    assert (ran.lines, before) == (["on"], [name])
    assert engine().networks(names=[name]) == []
    assert not engine().volumes(filters={"name": name})["Volumes"]
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_is_there_of_an_attempt_is_found_by_any_of_its_parts(sandbox: DockerSandbox) -> None:
    only_folder, only_volume = job("true"), job("true", attempt=3, fence=4)
    sandbox.workspace(only_folder)
    run(sandbox, only_volume)
    engine().remove_container(container_of(sandbox, only_volume))

    found = {(one.run, one.attempt, one.fence) for one in sandbox.leftovers()}

    assert found == {(only_folder.run, 1, 0), (only_volume.run, 3, 4)}


def test_the_same_attempt_can_be_run_again_over_what_is_left(sandbox: DockerSandbox) -> None:
    wanted = job("ls; echo again")
    run(sandbox, replace(wanted, script="echo old > mark"))

    assert run(sandbox, wanted).lines == ["again"]
