"""Tests are counted while a suite runs, from the lines of tools that tell of them; others' logs are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.results.counting import Counting
from bot.domain.runs import Progress

PYTEST = b"""============ test session starts ============
collected 9 items / 1 deselected / 8 selected

\x1b[32mtests/test_a.py \x1b[0m\x1b[32m.\x1b[0m\x1b[32m.\x1b[0m\x1b[31mF\x1b[0m\x1b[33ms\x1b[31m  [ 50%]\x1b[0m
tests/test_b.py .x.E                                     [100%]
"""
LOGS = {
    "pytest": (PYTEST, Progress(done=8, failed=2, total=8)),
    "pytest -q": (b"..F.....   [ 88%]\n.   [100%]\n9 passed in 0.1s\n", Progress(done=9, failed=1)),
    "pytest -v": (
        b"collected 412 items\ntests/test_a.py::test_one[x y] PASSED    [  0%]\ntests/a.py::b SKIPPED (no) [  0%]\n",
        Progress(done=2, failed=0, total=412),
    ),
    "pytest-xdist": (
        b"8 workers [24 items]\n[gw0] [  4%] PASSED tests/test_a.py::test_x \n[gw1] [  8%] FAILED tests/a.py::b \n",
        Progress(done=2, failed=1, total=24),
    ),
    "TAP": (
        b"TAP version 13\n1..4\nok 1 - one\n    ok 1 - inner\nnot ok 2 - two\nnot ok 3 # TODO later\nok 4 # SKIP\n",
        Progress(done=4, failed=1, total=4),
    ),
    "go test -v": (
        b"=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- FAIL: TestB/x (0.10s)\n--- FAIL: TestB (0.10s)\n",
        Progress(done=3, failed=2),
    ),
    "cargo test": (
        b"running 3 tests\ntest a::b ... ok\ntest c ... FAILED\ntest d ... ignored, slow\n",
        Progress(done=3, failed=1),
    ),
    "cargo nextest": (
        b"    Starting 30 tests across 2 binaries\n        PASS [ 0.004s] crate a\n        FAIL [   0.1s] crate b\n",
        Progress(done=2, failed=1, total=30),
    ),
    "unittest -v": (
        b"test_a (mod.Case.test_a) ... ok\ntest_b (mod.Case.test_b) ... FAIL\ntest_c (mod.C.c) ... skipped 'no'\n",
        Progress(done=3, failed=1),
    ),
    "ctest": (
        b"    Start 1: one\n1/3 Test #1: one ....   Passed  0.01 sec\n2/3 Test #2: two ..***Failed  0.01 sec\n",
        Progress(done=2, failed=1, total=3),
    ),
    "PHPUnit": (b"..F....   7 / 12 ( 58%)\n", Progress(done=7, failed=1, total=12)),
    "jest": ("  ✓ adds (5 ms)\n  ✕ breaks\n  ○ skipped one\n".encode(), Progress(done=3, failed=1)),
}


def counted(log: bytes, size: int = 1 << 20) -> Progress | None:
    counting = Counting()
    for at in range(0, len(log), size):
        counting.feed(log[at : at + size])
    return counting.progress


@pytest.mark.parametrize("tool", LOGS)
def test_the_lines_of_a_tool_are_counted(tool: str) -> None:
    log, progress = LOGS[tool]
    assert counted(log) == progress


@given(st.sampled_from(sorted(LOGS)), st.integers(1, 40))
def test_it_does_not_matter_in_what_pieces_they_come(tool: str, size: int) -> None:
    log, progress = LOGS[tool]
    assert counted(log, size) == progress


@pytest.mark.parametrize(
    "log",
    [
        b"Downloading ...\n.....\nPASS\nok\n[ 50%] Building C object\n",
        b"okay 1\nnot okay\n  - all is ok\ntest of the day\n--- a/file\n+++ b/file\n",
        b"-- Installing: x\n[ 10%] Built target y\n3/4 done\n",
        b"ok 1" * 5000 + b"\n",
    ],
)
def test_other_output_is_no_test(log: bytes) -> None:
    assert counted(log) is None


@given(st.binary(max_size=2000), st.integers(1, 100))
def test_no_output_is_too_odd(log: bytes, size: int) -> None:
    counted(log, size)


def test_a_line_that_is_too_long_hides_no_later_one() -> None:
    assert counted(b"x" * 10_000 + b"\nok 1 - one\n", 1000) == Progress(done=1, failed=0)


def test_a_log_that_is_long_of_no_tool_is_looked_at_no_more() -> None:
    counting = Counting()
    for _ in range(40):
        counting.feed(b"all is well here\n" * 2000)
    counting.feed(b"ok 1 - one\n")
    assert counting.progress is None
