"""What every sandbox promises to whoever runs jobs in it."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from bot.domain.errors import BadInput, ImageMissing
from bot.domain.runs import RunId
from bot.domain.suites import Network
from bot.ports.sandbox import Exit, FileLimits, Found, Job, JobService, Listens, Sandbox, Skipped, Stop
from tests.fakes.sandbox import Act, FakeSandbox
from tests.images import BUSYBOX
from tests.sandboxes import after, docker_sandbox, job, never, run

PRINT: Final = "printf 'a\\0b\\r\\n\\303'; printf '\\244' >&2; exit 3"
FOR_EVER: Final = "echo on; while :; do sleep 0.1; done"
GOING_ON: Final = "echo first; while [ ! -e go ]; do sleep 0.05; done; echo second; echo left > left.txt; exit 3"
UNRUNNABLE: Final = "echo " + "x" * 200_000
LEAVE: Final = (
    "mkdir out empty; echo a > out/a.txt; echo bb > out/b.txt; echo c > c.log; ln -s /etc/passwd out/link.txt; exit 1"
)
SERVED: Final = JobService(
    name="web", image=BUSYBOX, command="sh -c 'echo from the service; httpd -f -p 80'", ready=Listens(80)
)
UNREADY: Final = JobService(name="never", image=BUSYBOX, command="sleep 100", ready=Listens(80), within=0.3)

ACTS: Final = {
    LEAVE: Act(
        exit=Exit(code=1), files={"out/a.txt": b"a\n", "out/b.txt": b"bb\n", "c.log": b"c\n"}, links=("out/link.txt",)
    ),
    PRINT: Act(output=b"a\0b\r\n\xc3\xa4", exit=Exit(code=3)),
    FOR_EVER: Act(output=b"on\n", endless=True),
    GOING_ON: Act(output=b"first\n", endless=True),
    UNRUNNABLE: Act(exit=Exit(code=None, error="the script is too long")),
}


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    if request.param == "fake":
        fake = FakeSandbox(tmp_path, ACTS)
        fake.service_logs[SERVED.name] = b"from the service\n"
        fake.unready.add(UNREADY.name)
        yield fake
    else:
        with docker_sandbox(tmp_path) as real:
            yield real


def test_it_is_ready(sandbox: Sandbox) -> None:
    assert sandbox.ready() is None


@pytest.mark.parametrize("network", [Network.NONE, Network.INTERNET])
def test_a_probe_runs_and_leaves_nothing(sandbox: Sandbox, network: Network) -> None:
    assert sandbox.probe(network) > 0
    assert sandbox.leftovers() == []


def test_output_comes_to_the_byte_and_the_code_as_it_was(sandbox: Sandbox) -> None:
    ran = run(sandbox, job(PRINT))

    assert ran.output == b"a\0b\r\n\xc3\xa4"
    assert (ran.exit.code, ran.exit.stopped, ran.exit.by_itself) == (3, None, True)
    assert ran.starts == 1


@pytest.mark.parametrize("reason", Stop)
def test_a_reason_to_stop_ends_it_and_is_told(sandbox: Sandbox, reason: Stop) -> None:
    ran = run(sandbox, job(FOR_EVER), should_stop=after(5, reason))

    assert ran.exit.stopped is reason
    assert ran.output.startswith(b"on\n")


def test_nothing_is_started_when_there_is_a_reason_to_stop_already(sandbox: Sandbox) -> None:
    ran = run(sandbox, job(PRINT), should_stop=lambda: Stop.CANCELLED)

    assert (ran.exit.code, ran.exit.stopped, ran.output, ran.starts) == (None, Stop.CANCELLED, b"", 0)


def test_what_cannot_be_started_has_no_code_and_never_started(sandbox: Sandbox) -> None:
    ran = run(sandbox, job(UNRUNNABLE))

    assert ran.exit.code is None
    assert ran.exit.error
    assert ran.starts == 0


@pytest.mark.parametrize("name", ["", "-rf", "--privileged"])
def test_a_name_that_no_image_can_have_is_a_missing_image(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(ImageMissing):
        sandbox.prepare(name, never)


def test_a_workspace_is_empty_also_the_second_time(sandbox: Sandbox) -> None:
    wanted = job(PRINT)
    (sandbox.workspace(wanted) / "old").write_text("from before")

    again = sandbox.workspace(wanted)

    assert list(again.iterdir()) == []


def test_what_an_attempt_leaves_is_listed_until_it_is_removed(sandbox: Sandbox) -> None:
    wanted = job(PRINT, attempt=2, fence=7)
    run(sandbox, wanted)

    found = [(one.run, one.attempt, one.fence) for one in sandbox.leftovers()]
    sandbox.remove(wanted.run, wanted.attempt)

    assert found == [(wanted.run, 2, 7)]
    assert sandbox.leftovers() == []


def test_removing_what_is_not_there_is_fine(sandbox: Sandbox) -> None:
    sandbox.remove(RunId("never-seen"), 1)
    sandbox.remove(RunId("never-seen"), 1)

    assert sandbox.leftovers() == []


def test_the_age_of_what_is_left_counts_in_seconds(sandbox: Sandbox) -> None:
    run(sandbox, job(PRINT))

    assert sandbox.leftovers()[0].age < 600


def test_files_that_a_job_left_are_given_with_what_was_not_taken(sandbox: Sandbox) -> None:
    wanted = job(LEAVE)
    run(sandbox, wanted)

    found = list(looked(sandbox, wanted.run, ".txt"))

    assert [one for one in found if isinstance(one, tuple)] == [("out/a.txt", 2, b"a\n"), ("out/b.txt", 3, b"bb\n")]
    assert [one.path for one in found if isinstance(one, Skipped)] == ["out/link.txt"]


def looked(sandbox: Sandbox, run_id: RunId, suffix: str) -> Iterator[tuple[str, int, bytes] | Skipped]:
    for one in sandbox.files(run_id, 1, lambda path: path.endswith(suffix), FileLimits()):
        yield (one.path, one.size, one.content.read()) if isinstance(one, Found) else one


@pytest.mark.parametrize(
    ("limits", "taken", "skipped"),
    [
        (FileLimits(count=1), ["c.log"], ["out/a.txt"]),
        (FileLimits(size=4), ["c.log", "out/a.txt"], ["out/b.txt", "out/link.txt"]),
    ],
)
def test_files_are_given_up_to_a_limit(
    sandbox: Sandbox, limits: FileLimits, taken: list[str], skipped: list[str]
) -> None:
    wanted = job(LEAVE)
    run(sandbox, wanted)

    found = list(sandbox.files(wanted.run, 1, lambda _: True, limits))

    assert [one.path for one in found if isinstance(one, Found)] == taken
    assert [one.path for one in found if isinstance(one, Skipped)] == skipped


def text(path: str) -> bool:
    return path.endswith(".txt")


def archive_of(sandbox: Sandbox) -> bytes:
    """The texts that a job left."""
    wanted = job(LEAVE)
    run(sandbox, wanted)
    return b"".join(sandbox.pack(wanted.run, 1, text, FileLimits()))


def test_files_that_a_job_left_can_be_given_to_another(sandbox: Sandbox) -> None:
    archive, wanted = archive_of(sandbox), job(PRINT)
    folder = sandbox.workspace(wanted)
    (folder / "out").mkdir()
    (folder / "out/b.txt").write_text("the commit's")

    assert sandbox.unpack(wanted.run, 1, io.BytesIO(archive), text, FileLimits(), lambda: False)

    assert (folder / "out/a.txt").read_text() == "a\n"
    assert (folder / "out/b.txt").read_text() == "the commit's"
    assert not (folder / "c.log").exists()


def test_whoever_does_not_want_to_wait_gets_none_of_them(sandbox: Sandbox) -> None:
    archive, wanted = archive_of(sandbox), job(PRINT)
    folder = sandbox.workspace(wanted)

    assert not sandbox.unpack(wanted.run, 1, io.BytesIO(archive), text, FileLimits(), lambda: True)

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1100], lambda _: b"no archive"], ids=["cut", "other"])
def test_a_broken_archive_is_refused_and_leaves_nothing(sandbox: Sandbox, damage: Callable[[bytes], bytes]) -> None:
    broken, wanted = damage(archive_of(sandbox)), job(PRINT)
    folder = sandbox.workspace(wanted)

    with pytest.raises(BadInput):
        sandbox.unpack(wanted.run, 1, io.BytesIO(broken), text, FileLimits(), lambda: False)

    assert list(folder.iterdir()) == []


def test_what_is_too_much_or_nothing_is_not_packed(sandbox: Sandbox) -> None:
    wanted = job(LEAVE)
    run(sandbox, wanted)

    for taken, limits in ((text, FileLimits(size=1)), (lambda _: False, FileLimits())):
        with pytest.raises(BadInput):
            list(sandbox.pack(wanted.run, 1, taken, limits))


def test_an_attempt_that_is_gone_has_no_files(sandbox: Sandbox) -> None:
    assert list(looked(sandbox, RunId("never-seen"), "")) == []


def test_what_a_service_printed_is_there_until_the_attempt_is_removed(sandbox: Sandbox) -> None:
    wanted = job(PRINT, services=(SERVED,))
    ran = run(sandbox, wanted)

    printed = sandbox.service_log(wanted.run, 1, SERVED.name)
    sandbox.remove(wanted.run, 1)

    assert (ran.exit.code, printed) == (3, b"from the service\n")
    assert sandbox.service_log(wanted.run, 1, SERVED.name) == b""


def test_without_its_service_a_script_is_not_started(sandbox: Sandbox) -> None:
    ran = run(sandbox, job(PRINT, services=(UNREADY,)))

    assert (ran.exit.code, ran.exit.service, ran.starts, ran.output) == (None, "never", 0, b"")
    assert "service never did not become ready" in ran.exit.error


def left(sandbox: Sandbox, wanted: Job) -> None:
    """By a worker that shall end as soon as the script has printed something."""
    sandbox.prepare(wanted.image, never)
    sandbox.workspace(wanted)
    pieces: list[bytes] = []

    def should_stop() -> Stop | None:
        return Stop.SHUTDOWN if b"".join(pieces) == b"first\n" else None

    end = sandbox.run(wanted, write=pieces.append, should_stop=should_stop, on_start=lambda: None)
    assert (end.stopped, b"".join(pieces)) == (Stop.SHUTDOWN, b"first\n")


def test_what_a_shutdown_left_is_resumed_with_all_its_output_from_the_first_byte_on(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    wanted = job(GOING_ON, env={"ASSAY_SUITE": "unit", "TOKEN": "old"})
    left(sandbox, wanted)
    begun = sandbox.started(wanted.run, wanted.attempt)
    assert begun is not None
    assert (begun.is_live, begun.env["TOKEN"], 0 <= begun.age < 600) == (True, "old", True)

    if isinstance(sandbox, FakeSandbox):
        sandbox.acts["unit"] = Act(output=b"second\n", exit=Exit(code=3), files={"left.txt": b"left\n"})
    else:
        (tmp_path / "runs" / f"{wanted.run}-{wanted.attempt}" / "src" / "go").touch()
    pieces: list[bytes] = []
    end = sandbox.resume(wanted, write=pieces.append, should_stop=never)

    assert (end.code, end.stopped, end.by_itself) == (3, None, True)
    assert b"".join(pieces) == b"first\nsecond\n"
    assert list(looked(sandbox, wanted.run, ".txt")) == [("left.txt", 5, b"left\n")]
    sandbox.remove(wanted.run, wanted.attempt)
    assert sandbox.started(wanted.run, wanted.attempt) is None
    assert sandbox.leftovers() == []


def test_a_reason_to_stop_ends_also_what_was_resumed(sandbox: Sandbox) -> None:
    wanted = job(GOING_ON, env={"ASSAY_SUITE": "unit"})
    left(sandbox, wanted)
    end = sandbox.resume(wanted, write=lambda _: None, should_stop=after(5, Stop.CANCELLED))
    assert end.stopped is Stop.CANCELLED


def test_what_was_never_started_cannot_be_resumed(sandbox: Sandbox) -> None:
    wanted = job(PRINT)
    assert sandbox.started(wanted.run, wanted.attempt) is None
    sandbox.prepare(wanted.image, never)
    sandbox.workspace(wanted)
    sandbox.set_up(wanted)
    assert sandbox.started(wanted.run, wanted.attempt) is None
