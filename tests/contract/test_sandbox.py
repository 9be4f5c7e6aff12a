"""What every sandbox promises to whoever runs jobs in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bot.domain.errors import ImageMissing
from bot.domain.runs import RunId
from bot.ports.sandbox import Exit, Sandbox, Stop
from tests.fakes.sandbox import Act, FakeSandbox
from tests.sandboxes import after, docker_sandbox, job, never, run

PRINT: Final = "printf 'a\\0b\\r\\n\\303'; printf '\\244' >&2; exit 3"
FOR_EVER: Final = "echo on; while :; do sleep 0.1; done"
UNRUNNABLE: Final = "echo " + "x" * 200_000

ACTS: Final = {
    PRINT: Act(output=b"a\0b\r\n\xc3\xa4", exit=Exit(code=3)),
    FOR_EVER: Act(output=b"on\n", endless=True),
    UNRUNNABLE: Act(exit=Exit(code=None, error="the script is too long")),
}


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    if request.param == "fake":
        yield FakeSandbox(tmp_path, ACTS)
    else:
        with docker_sandbox(tmp_path) as real:
            yield real


def test_it_is_ready(sandbox: Sandbox) -> None:
    assert sandbox.ready() is None


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
