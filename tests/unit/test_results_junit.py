"""JUnit XML in the dialects of tools, broken, hostile and huge (cases C65, C67, C70; RELIABILITY S108)."""

import io
import re
import tracemalloc
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import quoteattr

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.results import TEXT_MAX, Unreadable
from bot.app.results.junit import read_junit, seconds
from bot.app.results.xml import PIECE
from bot.domain.results import NAME_MAX, Case, Outcome

REPORTS = Path(__file__).parents[1] / "data" / "reports"
P, F, S, K = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.FLAKY


def read(text: str | bytes) -> list[Case]:
    return list(read_junit(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def names(text: str | bytes) -> list[tuple[str, Outcome]]:
    return [(case.name, case.outcome) for case in read(text)]


def read_to_fault(text: str | bytes) -> tuple[list[str], str]:
    """The names that were read, and why there are no more."""
    found: list[str] = []
    cases = read_junit(io.BytesIO(text.encode() if isinstance(text, str) else text))
    try:
        for case in cases:
            found.append(case.name)  # noqa: PERF401 - what came before the fault counts
    except Unreadable as fault:
        return found, str(fault)
    return found, ""


# -- what tools wrote, by themselves


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_pytest_names_its_tests_by_node_id_in_both_families(family: str) -> None:
    assert names((REPORTS / f"pytest-{family}.xml").read_bytes()) == [
        ("tests/test_parse.py::test_words", P),
        ("tests/test_parse.py::TestEmpty::test_empty_input", F),
        (r"tests/test_parse.py::TestEmpty::test_odd[\xe9-\U0001f600]", P),
        ("tests/test_parse.py::TestEmpty::test_odd[a<b]", P),
        ("tests/test_parse.py::test_later", S),
        ("tests/test_parse.py::test_with_fixture", F),
    ]


def test_pytests_lines_count_from_one_here() -> None:
    failed = read((REPORTS / "pytest-xunit1.xml").read_bytes())[1]
    assert (failed.file, failed.line) == ("tests/test_parse.py", 13)
    assert failed.message.startswith("AssertionError: assert None == []")
    assert failed.details.endswith("tests/test_parse.py:14: AssertionError")


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("jest-junit", [("parse takes words", P), ("parse takes nothing", F), ("parse takes all", S)]),
        ("jest-junit-file", [("parse::takes words", P), ("parse::takes nothing", F), ("parse::takes all", S)]),
        ("ctest", [("good", P), ("bad", F), ("off", S), ("skipping", S)]),
        ("node", [("sums::one", P), ("sums::two", F), ("later", S)]),
        (
            "gotestsum",
            [
                ("example.org/m::TestBad/sub_one", F),
                ("example.org/m::TestBad", F),
                ("example.org/m::TestBad/two", P),
                ("example.org/m::TestGood", P),
            ],
        ),
        (
            "nextest",
            [("small::tests::bad_too_but_passes", P), ("small::tests::good", P), ("small::tests::bad", F)],
        ),
        (
            "phpunit",
            [
                ("SumTest::testBad", F),
                ("SumTest::testGood", P),
                ("SumTest::testSkipped", S),
                ('SumTest::testRows with data set "one"', P),
                ('SumTest::testRows with data set "two"', F),
                ("SumTest::testError", F),
            ],
        ),
        (
            "surefire",
            [("org.example.SumTest::bad", F), ("org.example.SumTest::good", P), ("org.example.SumTest::skipped", S)],
        ),
    ],
)
def test_other_tools(file: str, found: list[tuple[str, Outcome]]) -> None:
    assert names((REPORTS / f"{file}.xml").read_bytes()) == found


def test_ctest_tells_what_went_wrong_in_the_output() -> None:
    assert read((REPORTS / "ctest.xml").read_bytes())[1].message == "sums.c:12: wrong"


@pytest.mark.parametrize("file", sorted(REPORTS.glob("[!c]*.xml")), ids=lambda file: file.stem)
def test_a_second_reader_counts_the_same(file: Path) -> None:
    whole = junitparser.JUnitXml.fromfile(str(file))
    theirs = [case for suite in _suites(whole) for case in suite]
    ours = read(file.read_bytes())
    bad = sum(any(isinstance(one, junitparser.Failure | junitparser.Error) for one in case.result) for case in theirs)
    assert sum(case.outcome is F for case in ours) == bad
    timed = [case.seconds for case in ours][: len(theirs)]
    assert sorted(map(str, timed)) == sorted(str(case.time) for case in theirs)  # inner suites come later with theirs


def _suites(whole: object) -> list[junitparser.TestSuite]:
    return [whole] if isinstance(whole, junitparser.TestSuite) else list(whole)  # type: ignore[call-overload]  # junitparser's types say less than it gives


# -- dialects


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # surefire
        ('<testcase classname="a.FooTest" name="bar"><rerunFailure/><failure/></testcase>', [("a.FooTest::bar", F)]),
        ('<testcase classname="a.FooTest" name="bar"><flakyFailure/></testcase>', [("a.FooTest::bar", K)]),
        ('<testcase classname="a.FooTest" name="bar"><flakyError/></testcase>', [("a.FooTest::bar", K)]),
        # go-junit-report, gotestsum
        ('<testcase classname="acme.io/x/p" name="TestA/b"><failure/></testcase>', [("acme.io/x/p::TestA/b", F)]),
        # PHPUnit, whose data sets nest
        ('<testsuite name="D::testAdd"><testcase class="D" name="testAdd #0"/></testsuite>', [("D::testAdd #0", P)]),
        # nextest
        (
            '<testcase classname="crate::bin" name="a::works"><flakyFailure/></testcase>',
            [("crate::bin::a::works", K)],
        ),
        # googletest
        ('<testcase classname="Foo" name="Off" status="notrun"/>', [("Foo::Off", S)]),
        # a class that could not be set up
        ('<error/><testcase classname="a" name="b"/>', [("s::(the suite itself)", F), ("a::b", P)]),
    ],
)
def test_dialects(text: str, found: list[tuple[str, Outcome]]) -> None:
    assert names(f'<testsuites><testsuite name="s">{text}</testsuite></testsuites>') == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<testcase name="alone"><failure message="x"/></testcase>', [("alone", F)]),
        ('<testsuite><testsuite name="in"><testcase name="a" classname=""/></testsuite></testsuite>', [("in::a", P)]),
        ('<testsuites name="none" tests="0"/>', []),
        ('<testsuite name="s" failures="0"><testcase name="a"><error/></testcase></testsuite>', [("s::a", F)]),
        ('<x:testsuites xmlns:x="urn:y"><x:testcase name="a"/></x:testsuites>', [("a", P)]),
        ('<testsuite name="undefined"><testcase/></testsuite>', [("(no name)", P)]),
        ('<testsuite><testcase name="a"><failure/><skipped/><failure/></testcase></testsuite>', [("a", F)]),
    ],
)
def test_odd_shapes(text: str, found: list[tuple[str, Outcome]]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234.56", 1234.56), ("0,5", 0.5), ("2", 2.0), ("", None), ("NaN", None), ("-1", None), ("1e999", None)],
)
def test_times_are_optional(text: str, value: float | None) -> None:
    assert seconds(text) == value


def test_a_name_is_one_line_of_a_bounded_length_and_long_ones_stay_apart() -> None:
    one, two = (read(f'<testcase name="{"x" * 5000}{end}"/>')[0].name for end in "ab")
    assert len(one) == len(two) == NAME_MAX
    assert one != two
    assert read('<testcase name="a&#10; b"/>')[0].name == "a b"


# -- encodings


@pytest.mark.parametrize(
    "data",
    [
        '<?xml version="1.0" encoding="UTF-16"?><testcase name="über €"/>'.encode("utf-16"),
        '<testcase name="über €"/>'.encode("utf-16"),
        '<testcase name="über €"/>'.encode("utf-16-be"),
        b"\xef\xbb\xbf" + '<?xml version="1.0" encoding="utf8"?><testcase name="über €"/>'.encode(),
        b"\n \r\n" + '<?xml version="1.0"?><testcase name="über €"/>'.encode(),
        '<?xml version="1.0" encoding="cp1252"?><testcase name="über €"/>'.encode("cp1252"),
        '<?xml version="1.0" encoding="no-such-thing"?><testcase name="über €"/>'.encode(),
    ],
)
def test_encodings(data: bytes) -> None:
    assert names(data) == [("über €", P)]


def test_a_header_that_lies_costs_letters_not_results() -> None:
    text = '<?xml version="1.0" encoding="UTF-8"?><testcase name="тест"><failure/></testcase>'
    assert names(text.encode("cp1251")) == [("\N{REPLACEMENT CHARACTER}" * 4, F)]


def test_characters_that_xml_does_not_have_are_replaced() -> None:
    assert read('<testcase name="a"><failure>\x1b[31mred &#27;[0m&#x0;</failure></testcase>')[0].outcome is F


# -- broken and hostile


@pytest.mark.parametrize(
    ("text", "found", "words"),
    [
        ("", [], "it is empty"),
        (" \n", [], "it is empty"),
        ('<testsuite><testcase name="a"/><testcase name="b"><failure message="cut', ["a"], "it ends too early"),
        ('<testsuite><testcase name="a"/><testcase name=b', ["a"], "not well-formed"),
        ("not xml", [], "not well-formed|syntax error"),
        ("<html><body/></html>", [], "no element of JUnit"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><testcase name="&x;"/>', [], "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><testcase/>', [], "document type"),
        ('<testcase name="&x;"/>', [], "undefined entity"),
        ("<testsuite>" * 200_000, [], "deeper than 100"),
        (b"\xff\xfe\x00", [], "line 1"),
    ],
)
def test_what_can_be_read_is_kept_and_the_rest_has_a_reason(text: str | bytes, found: list[str], words: str) -> None:
    seen, fault = read_to_fault(text)
    assert seen == found
    assert re.search(words, fault)


@pytest.mark.parametrize("place", ["<system-out><![CDATA[{}]]></system-out>", "<failure>{}</failure>"])
def test_long_texts_are_cut(place: str) -> None:
    (case,) = read(f'<testcase name="a"><failure message="real"/>{place.format("x" * 12_000_000)}</testcase>')
    assert case.outcome is F
    assert case.message.startswith("real")
    assert len(case.details) <= TEXT_MAX


def test_a_hundred_thousand_cases_pass_through_little_memory() -> None:
    cases = "".join(f'<testcase classname="c{n % 97}" name="t{n}" time="0.001"/>' for n in range(100_000))
    stream = io.BytesIO(f"<testsuite>{cases}</testsuite>".encode())
    del cases
    tracemalloc.start()
    count = sum(1 for _ in read_junit(stream))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 40 * PIECE


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with suppress(Unreadable):
        read(data)


@given(
    st.lists(st.tuples(st.text(max_size=20), st.sampled_from(["", "<failure/>", "<skipped/>"])), max_size=8),
    st.data(),
)
def test_a_truncated_report_never_tells_more_than_the_whole(
    cases: list[tuple[str, str]], data: st.DataObject
) -> None:
    text = "".join(f"<testcase name={quoteattr(name)}>{inner}</testcase>" for name, inner in cases)
    whole = f"<testsuite>{text}</testsuite>"
    expected = names(whole)
    cut = data.draw(st.integers(0, len(whole) - 1))
    found, fault = read_to_fault(whole[:cut])
    assert fault
    assert found == [name for name, _ in expected][: len(found)]
