"""Which file of the commit is meant (PRODUCT §2.3, RELIABILITY S107); what a tally keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.results.placing import Places
from bot.app.results.tally import Tally, slowest
from bot.domain.checks import Annotation
from bot.domain.results import Case, Outcome

TEST = "tests/test_parse.py"
JAVA = "core/src/test/java/com/acme/FooTest.java"
FILES = frozenset(
    {
        "tests/test_parse.py",
        "src/parse.py",
        "web/src/a.test.js",
        "core/src/test/java/com/acme/FooTest.java",
        "pkg/one/x_test.go",
        "pkg/two/x_test.go",
        "setup.py",
    }
)
P, F, S, K = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.FLAKY


def places(workdir: str = "") -> Places:
    return Places(FILES, workdir, "/workspace/src")


def a_case(name: str = "t", outcome: Outcome = F, **more: str | float) -> Case:
    return Case(name=name, outcome=outcome, **more)  # type: ignore[arg-type]  # Case checks the names


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("tests/test_parse.py", "tests/test_parse.py"),
        ("./tests/../tests/test_parse.py", "tests/test_parse.py"),
        ("/workspace/src/src/parse.py", "src/parse.py"),
        ("file:///workspace/src/src/parse.py", "src/parse.py"),
        (r"tests\test_parse.py", "tests/test_parse.py"),
        ("/builds/project/tests/test_parse.py", "tests/test_parse.py"),
        ("test_parse.py", "tests/test_parse.py"),
        ("/usr/lib/python3/setup.py", ""),
        ("../../etc/passwd", ""),
        ("x_test.go", ""),
        ("", ""),
        ("nowhere.py", ""),
    ],
)
def test_only_files_of_the_commit_are_named(path: str, found: str) -> None:
    assert places().find(path) == found


def test_paths_count_from_the_suites_folder_too() -> None:
    assert places("web").find("src/a.test.js") == "web/src/a.test.js"


@pytest.mark.parametrize(
    ("case", "place"),
    [
        (a_case(file=TEST, line=13, details="src/parse.py:3\ntests/test_parse.py:14: Oops"), (TEST, 14)),
        (a_case(file=TEST, line=13, details="src/parse.py:3: Oops"), (TEST, 13)),
        (a_case(file=TEST), (TEST, 1)),
        (a_case(details='File "/workspace/src/src/parse.py", line 9, in x\n/usr/lib/x.py:3'), ("src/parse.py", 9)),
        (a_case("com.acme.FooTest::bar", details="at com.acme.FooTest.bar(FooTest.java:42)"), (JAVA, 42)),
        (a_case("com.acme.FooTest$Inner::bar"), (JAVA, 1)),
        (a_case("acme.io/x/pkg/two::TestA", details="x_test.go:12: wrong"), ("pkg/two/x_test.go", 12)),
        (a_case("acme.io/x::TestA", details="x_test.go:12: wrong"), ("", 0)),
        (a_case(details="at x (/workspace/src/web/src/a.test.js:4:49)"), ("web/src/a.test.js", 4)),
        (a_case(details="nothing"), ("", 0)),
    ],
)
def test_a_failure_is_placed_where_its_text_points(case: Case, place: tuple[str, int]) -> None:
    assert places().of_case(case) == place


_NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map("/".join)


@given(files=st.frozensets(_NAMES, max_size=12), path=_NAMES, hint=st.sampled_from(["", "a", "x.b"]))
def test_a_file_is_found_by_its_end_if_there_is_but_one(files: frozenset[str], path: str, hint: str) -> None:
    ends = [file for file in files if f"/{file}".endswith(f"/{path}")]
    if len(ends) > 1 and hint:
        ends = [file for file in ends if f"/{file}".split("/")[-2] == hint.rpartition(".")[2]]
    expected = path if path in files else ends[0] if len(ends) == 1 else ""
    assert Places(files, "", "/workspace/src").find(path, hint) == expected


def test_a_hundred_thousand_files_of_one_name_keep_nobody_waiting() -> None:
    found = Places(frozenset(f"{number}/a.py" for number in range(100_000)), "", "/workspace/src")
    told = "\n".join(f"{number}x/a.py:1" for number in range(300))
    assert {found.of_case(a_case(details=told)) for _ in range(50)} == {("", 0)}


def test_a_finding_elsewhere_is_dropped() -> None:
    here = Annotation(path="/workspace/src/src/parse.py", line=1, message="m", title="t")
    placed = places().of_finding(here)
    assert placed
    assert placed.path == "src/parse.py"
    assert places().of_finding(Annotation(path="/etc/passwd", line=1, message="m", title="t")) is None


@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_a_report_says_only_files_of_the_commit_come_out(text: str, name: str) -> None:
    path, line = places().of_case(a_case(name, details=text, file=text[:50]))
    assert path in FILES | {""}
    assert line >= 0


@pytest.mark.parametrize(
    ("outcomes", "kept"),
    [
        ([F, P], {"t": K}),  # tried again
        ([F, F], {"t": F}),
        ([P, F], {"t": F}),  # could not be taken down
        ([P, P, P], {"t": P, "t #2": P, "t #3": P}),
        ([F, F, P], {"t": K}),
    ],
)
def test_a_test_that_comes_again_in_one_file(outcomes: list[Outcome], kept: dict[str, Outcome]) -> None:
    tally = Tally()
    tally.begin_file()
    for outcome in outcomes:
        tally.add(a_case(outcome=outcome))
    assert {case.name: case.outcome for case in tally.cases} == kept


@pytest.mark.parametrize(("one", "two", "kept"), [(F, P, F), (P, F, F), (P, P, P), (S, P, P)])
def test_of_two_files_the_worse_counts(one: Outcome, two: Outcome, kept: Outcome) -> None:
    tally = Tally()
    for outcome in (one, two):
        tally.begin_file()
        tally.add(a_case(outcome=outcome))
    assert [case.outcome for case in tally.cases] == [kept]


def test_beyond_the_limit_tests_are_only_counted() -> None:
    tally = Tally(kept_max=2)
    tally.begin_file()
    for number in range(5):
        tally.add(a_case(str(number), F if number == 4 else P))
    assert (len(tally.cases), tally.beyond) == (2, 3)
    assert tally.counts() == {P: 4, F: 1}


def test_only_so_many_failures_keep_their_details() -> None:
    tally = Tally()
    tally.begin_file()
    for number in range(1500):
        tally.add(a_case(str(number), details="x"))
    assert sum(bool(case.details) for case in tally.cases) == 1000


def test_the_slowest_come_first() -> None:
    cases = [a_case("a", P, seconds=2.0), a_case("b", P, seconds=9.5), a_case("c", P), a_case("d", P, seconds=0.5)]
    assert [case.name for case in slowest(cases)] == ["b", "a"]
