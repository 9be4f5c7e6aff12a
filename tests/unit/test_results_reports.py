"""TAP, coverage, SARIF, and findings that a suite prints."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.results import Content, Unreadable
from bot.app.results.coverage import read_coverage
from bot.app.results.sarif import read_sarif
from bot.app.results.scanning import scan
from bot.app.results.tap import read_tap
from bot.app.results.told import finding
from bot.domain.results import Case, Outcome

REPORTS = Path(__file__).parents[1] / "data" / "reports"
P, F, S = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED


def tap(text: str) -> list[Case]:
    return list(read_tap(io.BytesIO(text.encode())))


def test_prove_marks_what_is_skipped_and_what_is_to_be_done() -> None:
    found = [(case.name, case.outcome) for case in tap((REPORTS / "prove.tap").read_text())]
    assert found == [("one and one", P), ("two and two", F), ("test 3", S), ("to come", S)]


def test_nodes_inner_tests_are_summed_up_by_the_outer_one() -> None:
    sums, later = tap((REPORTS / "node.tap").read_text())
    assert (sums.name, sums.outcome, sums.message) == ("sums", F, "1 subtest failed")
    assert sums.seconds == pytest.approx(0.0025, abs=0.0001)
    assert (later.outcome, later.message) == (S, "no time")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no test in it"),
        ("hello\n", "no test in it"),
        ("1..3\nok 1\nok 2\n", "promises 3 tests and has 2"),
        ("1..2\nok 1 - a\nBail out! no database\n", "it says: Bail out! no database"),
    ],
)
def test_a_tap_that_is_not_whole_says_so(text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        tap(text)


def test_words_with_a_megabyte_of_blanks_among_them_are_cut_like_others() -> None:
    """Going back over blanks a thousand times would keep the whole process busy for minutes."""
    told = f"  ---\n  error: 'no{' ' * 1_000_000}way'\n  ...\n"
    assert [case.message for case in tap(f"1..5\n{f'not ok 1 - a{chr(10)}{told}' * 5}")] == ["no" + " " * 1998] * 5


@pytest.mark.parametrize(
    ("line", "message"),
    [("error: plain", "plain"), ("message: 'it broke'", "it broke"), ("error: \"said 'no'\"", "said 'no'")],
)
def test_an_error_is_told_without_its_quotes(line: str, message: str) -> None:
    assert [case.message for case in tap(f"1..1\nnot ok 1 - a\n  ---\n  {line}\n  ...\n")] == [message]


def test_a_plan_of_none_is_no_fault() -> None:
    assert tap("1..0 # skipped: no database\n") == []


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_tap(text: str) -> None:
    with suppress(Unreadable):
        tap(f"ok 1 - {text}\n{text}")


@pytest.mark.parametrize("file", ["cobertura.xml", "sums.lcov"])
def test_coverage_py_counts_three_of_four_lines_in_both_forms(file: str) -> None:
    assert read_coverage(io.BytesIO((REPORTS / file).read_bytes())) == (3, 4)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ('<coverage><class><line hits="1"/><line hits="0"/></class></coverage>', (1, 2)),
        ('<coverage><methods><line hits="1"/></methods><lines><line hits="2"/></lines></coverage>', (1, 1)),
        ("SF:a\nDA:1,0\nDA:2,5\nend_of_record\nSF:b\nLF:2\nLH:2\nend_of_record\n", (3, 4)),
    ],
)
def test_lines_are_counted_where_nobody_sums_them_up(text: str, counts: tuple[int, int]) -> None:
    assert read_coverage(io.BytesIO(text.encode())) == counts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("<testsuite/>", "not Cobertura's"),
        ('<coverage lines-valid="0"/>', "no line"),
        ('<coverage lines-valid="1" lines-covered="2"/>', "more lines"),
        ("SF:a\nDA:1,1\n", "too early"),
    ],
)
def test_coverage_that_says_nothing_is_unreadable(text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_coverage(io.BytesIO(text.encode()))


def test_ruffs_findings_have_their_rule_and_place() -> None:
    found = read_sarif(io.BytesIO((REPORTS / "ruff.sarif").read_bytes()))[1]
    assert (found.path, found.line, found.column, found.end_column) == ("/workspace/src/lint.py", 1, 8, 10)
    assert (found.title, found.message, found.level) == ("F401", "`os` imported but unused", "failure")


def test_what_passed_or_was_suppressed_or_is_nowhere_is_no_finding() -> None:
    place = {"physicalLocation": {"artifactLocation": {"uri": "a.c"}, "region": {"startLine": "x"}}}
    results = [
        {"kind": "pass", "locations": [place]},
        {"suppressions": [{}], "locations": [place]},
        {"level": "none", "locations": [place]},
        {"locations": []},
        "nonsense",
        {"locations": [place], "message": {"text": "kept"}},
    ]
    (found,) = read_sarif(io.BytesIO(json.dumps({"runs": [{"results": results}]}).encode()))
    assert (found.message, found.line, found.level) == ("kept", 1, "warning")


@pytest.mark.parametrize("value", ["{}", "[]", "1"])
def test_sarif_of_very_many_small_values_is_refused_before_it_fills_the_memory(value: str) -> None:
    text = f'{{"runs": [{{"results": [{f"{value}," * 2_000_000}0]}}]}}'
    with pytest.raises(Unreadable, match="more than 2,000,000 values"):
        read_sarif(io.BytesIO(text.encode()))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"runs": 1}', "[" * 100_000])
def test_what_is_no_sarif_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_sarif(io.BytesIO(text.encode()))


@pytest.mark.parametrize("reader", [read_coverage, read_sarif])
@given(data=st.binary(max_size=200))
def test_no_bytes_break_a_reader(reader: Callable[[Content], object], data: bytes) -> None:
    with suppress(Unreadable):
        reader(io.BytesIO(data))


def test_a_printed_finding() -> None:
    found = finding(b"::error file=src/a%2Cb.js,line=3,endLine=4,col=2,title=Bad%3A yes::one%0Atwo 100%25")
    assert found
    assert (found.path, found.line, found.end_line, found.column) == ("src/a,b.js", 3, 4, 2)
    assert (found.title, found.message, found.level) == ("Bad: yes", "one\ntwo 100%", "failure")


@pytest.mark.parametrize(
    "line", [b"::error::no file", b"error file=a::x", b"::debug file=a::x", b"", b"::error file=::"]
)
def test_what_is_no_finding(line: bytes) -> None:
    assert finding(line) is None


def test_the_log_is_looked_through_for_findings_and_for_failed_tests() -> None:
    log = b"begin\ntests/a.py::test_one FAILED\n::warning file=a.c,line=2::hm\nE  AssertionError: 1 == 2\nend"
    tests = {"tests/a.py::test_one": "AssertionError: 1 == 2\nmore", "b::test_two": "", "c::absent": "x"}
    found = scan(lambda start, limit: log[start : start + min(limit, 7)], tests)
    assert found.lines == {"tests/a.py::test_one": 4}
    assert [(one.path, one.line, one.level) for one in found.findings] == [("a.c", 2, "warning")]


def test_a_test_without_words_is_found_by_its_short_name() -> None:
    log = b"one\nrun test_x\nFAIL test_x\n"
    assert scan(lambda start, limit: log[start : start + limit], {"a::test_x": ""}).lines == {"a::test_x": 3}
