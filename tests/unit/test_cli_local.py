"""Running suites of a work tree: order, needs, ends, secrets, limits."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app.context import Rules
from bot.app.local import Local, run_suites
from bot.domain.runs import Reason, Run, RunState
from bot.domain.suites import Cache, Limits, Service, Suite
from bot.ports.sandbox import Exit, Job, Stop
from tests.fakes.caches import FakeCaches
from tests.fakes.sandbox import Act, FakeSandbox, FakeShells

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Place:
    """A machine with a pretended sandbox; each script is its suite's name."""

    def __init__(self, folder: Path, *, log: int = 1000) -> None:
        self.sandbox = FakeSandbox(folder)
        self.caches = FakeCaches()
        self.shells = FakeShells(folder)
        self.output = dict[str, bytes]()
        self.wish: Stop | None = None
        self.lingered = list[tuple[Job, RunState]]()
        self.stays = False
        self.clock = 0.0
        self.ids = 0
        self.local = Local(
            sandbox=self.sandbox,
            caches=self.caches,
            shells=self.shells,
            copy=lambda target, _: (target / "a.txt").touch(),
            commit="c" * 40,
            branch="feature",
            path="acme/web",
            now=lambda: NOW,
            monotonic=self._monotonic,
            new_id=self._new_id,
            rules=Rules(ceiling=Limits(log=log)),
        )

    def run(self, *suites: Suite, secrets: Mapping[str, str] | None = None) -> list[Run]:
        return run_suites(
            self.local, suites, secrets or {}, self._open, lambda _: None, lambda: self.wish, self.lingers
        )

    def lingers(self, job: Job, run: Run) -> bool:
        self.lingered.append((job, run.state))
        assert (run.id, job.attempt) in self.sandbox.left
        return self.stays

    def _open(self, suite: Suite) -> Callable[[bytes], None]:
        pieces = list[bytes]()

        def write(data: bytes) -> None:
            pieces.append(data)
            self.output[suite.key] = b"".join(pieces)

        return write

    def _monotonic(self) -> float:
        self.clock += 1
        return self.clock

    def _new_id(self) -> str:
        self.ids += 1
        return f"run{self.ids}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def suite(name: str, **fields: object) -> Suite:
    return Suite(name=name, image="box:1", commands=(name,), **fields)  # type: ignore[arg-type]  # checked by Suite


def test_a_passing_suite_leaves_its_output_and_nothing_else(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(output=b"all well\n")
    (run,) = place.run(suite("unit"))
    assert (run.state, place.output["unit"]) == (RunState.PASSED, b"all well\n")
    assert not place.sandbox.left


def test_the_script_gets_the_variables_of_the_server(place: Place) -> None:
    place.run(suite("unit", cell=(("python", "3.12"),)))
    env = place.sandbox.jobs[0].env
    assert {name: env[name] for name in ("CI", "ASSAY_SUITE", "ASSAY_COMMIT", "ASSAY_BRANCH", "ASSAY_REPO")} == {
        "CI": "true",
        "ASSAY_SUITE": "unit",
        "ASSAY_COMMIT": "c" * 40,
        "ASSAY_BRANCH": "feature",
        "ASSAY_REPO": "acme/web",
    }
    assert env["MATRIX_PYTHON"] == "3.12"


def test_what_is_needed_runs_first(place: Place) -> None:
    runs = place.run(suite("deploy", needs=("unit", "lint")), suite("unit", needs=("lint",)), suite("lint"))
    assert [run.suite.name for run in runs] == ["lint", "unit", "deploy"]


def test_what_needs_a_failed_suite_is_skipped_and_so_is_what_needs_that(place: Place) -> None:
    place.sandbox.acts["lint"] = Act(exit=Exit(code=1))
    runs = place.run(suite("lint"), suite("unit", needs=("lint",)), suite("deploy", needs=("unit",)))
    assert [(run.state, run.reason) for run in runs[1:]] == [(RunState.SKIPPED, Reason.NEEDS_FAILED)] * 2
    assert runs[1].note == "needs lint, which did not pass"


def test_needs_that_were_not_asked_for_count_as_met(place: Place) -> None:
    assert place.run(suite("deploy", needs=("unit",)))[0].state is RunState.PASSED


def test_a_missing_image_errors_that_suite_and_the_others_run(place: Place) -> None:
    place.sandbox.absent.add("box:1")
    other = Suite(name="other", image="box:2", commands=("other",))
    runs = place.run(suite("unit"), other)
    assert [(run.state, run.reason) for run in runs] == [
        (RunState.ERRORED, Reason.IMAGE_MISSING),
        (RunState.PASSED, None),
    ]
    assert place.output["unit"] == b"\n[assay] Could not run: there is no image box:1\n"
    assert not place.sandbox.left


def test_a_wish_to_end_cancels_what_runs_and_what_waits(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(endless=True)
    place.wish = Stop.CANCELLED
    runs = place.run(suite("unit"), suite("lint"))
    assert [run.state for run in runs] == [RunState.CANCELLED, RunState.CANCELLED]


@pytest.mark.parametrize(
    ("limits", "reason"), [({"timeout": 60}, Reason.TIMEOUT), ({"no_output_timeout": 5}, Reason.NO_OUTPUT)]
)
def test_a_suite_that_takes_too_long_is_ended(place: Place, limits: dict[str, int], reason: Reason) -> None:
    place.sandbox.acts["unit"] = Act(endless=True)
    (run,) = place.run(suite("unit", **limits))
    assert (run.state, run.reason) == (RunState.TIMED_OUT, reason)


def test_a_suite_that_prints_too_much_is_ended_and_told_so(tmp_path: Path) -> None:
    place = Place(tmp_path, log=10)
    place.sandbox.acts["unit"] = Act(output=b"0123456789abc", endless=True)
    (run,) = place.run(suite("unit"))
    assert (run.state, run.reason) == (RunState.FAILED, Reason.LOG_LIMIT)
    assert place.output["unit"].startswith(b"0123456789\n[assay] The log reached its limit of 10 bytes;")


def test_only_named_secrets_are_given_and_none_shows(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(output=b"the key is correct-horse.")
    place.run(suite("unit", secrets=("KEY", "GONE")), secrets={"KEY": "correct-horse", "OTHER": "battery-staple"})
    env = place.sandbox.jobs[0].env
    assert (env["KEY"], "OTHER" in env, "GONE" in env) == ("correct-horse", False, False)
    assert place.output["unit"] == b"\n[assay] Not given here, so left unset: GONE\nthe key is ***."


def test_the_last_words_of_a_service_that_did_not_get_ready_are_shown(place: Place) -> None:
    place.sandbox.unready.add("db")
    place.sandbox.service_logs["db"] = b"no space\n"
    (run,) = place.run(suite("unit", services=(Service(name="db", image="db:1"),)))
    assert (run.state, run.reason) == (RunState.FAILED, Reason.SERVICE)
    assert place.output["unit"].endswith(b"The last that db printed:\nno space\n")


def test_a_sandbox_that_breaks_is_an_error_and_no_crash(place: Place) -> None:
    place.sandbox.broken = "the engine is gone"
    (run,) = place.run(suite("unit"))
    assert (run.state, run.note) == (RunState.ERRORED, "the engine is gone")


def test_a_failed_suite_is_tried_again_and_a_pass_is_flaky(place: Place) -> None:
    place.sandbox.turns["unit"] = [Act(output=b"one\n", exit=Exit(code=1)), Act(output=b"two\n")]
    (run,) = place.run(suite("unit", retries=3))
    assert (run.state, run.attempt, run.failures, run.is_flaky) == (RunState.PASSED, 2, 1, True)
    assert place.output["unit"] == b"one\n\n[assay] Attempt 2: the last attempt exited with 1.\ntwo\n"
    assert place.sandbox.removed[-1] == ("run1", 2)
    assert not place.sandbox.left


def test_a_suite_that_fails_each_time_fails(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(exit=Exit(code=1))
    (run,) = place.run(suite("unit", retries=2))
    assert (run.state, run.attempt, len(place.sandbox.jobs)) == (RunState.FAILED, 3, 3)


def test_each_attempt_may_fill_the_log(tmp_path: Path) -> None:
    place = Place(tmp_path, log=10)
    place.sandbox.turns["unit"] = [Act(output=b"123456789", exit=Exit(code=1)), Act(output=b"abcdefghi")]
    (run,) = place.run(suite("unit", retries=1))
    assert run.state is RunState.PASSED
    assert place.output["unit"].endswith(b"\nabcdefghi")


def test_nobody_tries_again_what_somebody_wants_to_end(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(exit=Exit(code=1))
    place.sandbox.on_end = lambda: setattr(place, "wish", Stop.CANCELLED)
    (run,) = place.run(suite("unit", retries=3))
    assert (run.state, run.attempt) == (RunState.FAILED, 1)


def test_what_a_suite_leaves_in_its_cache_the_next_time_finds(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(files={".npm/lib": b"library"})
    cached = suite("unit", cache=Cache(key="npm-${{ files:a.txt }}", paths=(".npm/",)))
    place.run(cached)
    assert "kept, 23 bytes" in place.output["unit"].decode()
    place.run(cached)
    assert "restored, 23 bytes" in place.output["unit"].decode()
    assert place.sandbox.found[-1] == {".npm/lib": b"library", "a.txt": b""}


def test_whoever_lingers_finds_the_attempt_and_says_whether_it_stays(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(exit=Exit(code=3))
    place.run(suite("unit"))
    assert ([state for _, state in place.lingered], place.sandbox.left) == ([RunState.FAILED], {})
    place.stays = True
    (run,) = place.run(suite("unit"))
    assert list(place.sandbox.left) == [(run.id, 1)]


def test_nobody_lingers_between_two_attempts_or_where_nothing_ran(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(exit=Exit(code=3))
    place.run(suite("unit", retries=1))
    assert [job.attempt for job, _ in place.lingered] == [2]
    place.sandbox.absent.add("box:1")
    place.run(suite("unit"))
    assert len(place.lingered) == 1


def test_groups_are_those_of_the_last_attempt_and_no_mark_is_seen(place: Place) -> None:
    place.sandbox.acts["unit"] = Act(output=b"\x1e1:0\n$ make\n\x1e2:0\n$ test\n", exit=Exit(code=3))
    (run,) = place.run(replace(suite("unit", retries=1, is_script=False), commands=("make", "test")))
    assert b"\x1e" not in place.output["unit"]
    begins = [place.output["unit"][group.offset :].split(b"\n")[0] for group in run.groups]
    assert (begins, [group.code for group in run.groups]) == ([b"$ make", b"$ test"], [0, 3])
    assert run.groups[0].offset > len(b"$ make\n$ test\n")
