"""YAML as it is written: texts stay texts, and what YAML would guess, share or hide is refused at its place."""

import pytest

from bot.app.suitefile import LIMIT, parse
from bot.domain.errors import InvalidSuiteFile, Problem

HEAD = "suites:\n  unit:\n    image: box:1\n"


def problems_of(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(InvalidSuiteFile) as caught:
        parse(".assay.yml", text if isinstance(text, bytes) else text.encode())
    return caught.value.problems


def places_of(text: str | bytes) -> list[tuple[str, int, int]]:
    return [(one.code, one.line, one.column) for one in problems_of(text)]


@pytest.mark.parametrize(
    "written",
    [
        "3.10",
        "1e3",
        "no",
        "NO",
        "12:30",
        "010",
        "0x1F",
        "1_000",
        "2026-01-31",
        "~",
        "null",
        "true",
        ".inf",
        "+1",
        "=",
        "",
    ],
)
def test_a_text_is_what_is_written(written: str) -> None:
    file = parse(".assay.yml", f"{HEAD}    run: x\n    env: {{VALUE: {written}}}\n".encode())
    assert file.suites[0].env == {"VALUE": written}


@pytest.mark.parametrize("name", ["no", "on", "y", "3.10", "null", "0123", "1e3"])
def test_the_name_of_a_suite_is_what_is_written(name: str) -> None:
    file = parse(".assay.yml", f"suites:\n  {name}: {{image: box, run: x}}\n".encode())
    assert [suite.name for suite in file.suites] == [name]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    unix = f"{HEAD}    run: |\n      one\n      two\n"
    windows = b"\xef\xbb\xbf" + unix.replace("\n", "\r\n").encode()
    assert parse("f", windows) == parse("f", unix.encode())


def test_columns_of_the_first_line_do_not_count_the_byte_order_mark() -> None:
    assert places_of(b"\xef\xbb\xbfsuits: 1\n") == [("C101", 1, 1), ("C102", 1, 1)]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"suites:\n  a\xff: 1\n", ("C002", 2, 4)),
        (b"# \xc3\xa9\xc3\xa9 \xed\xa0\x80\n", ("C002", 1, 6)),
        (b"suites:\n  a\x00b: 1\n", ("C002", 2, 4)),
        ("suites:\n  # \u202e txt\n".encode(), ("C002", 2, 5)),
        ("suites: 'a\u2028b'\n".encode(), ("C002", 1, 11)),
        (b"suites:\r  a: 1\n", ("C002", 1, 8)),
        ("suites: 1\n".encode("utf-16"), ("C002", 1, 1)),
        (b"\x1b]0;title\x07", ("C002", 1, 1)),
        (b"a: 1\n\xef\xbb\xbfb: 1\n", ("C002", 2, 1)),
    ],
)
def test_bytes_that_are_no_decent_text_are_refused_at_their_place(data: bytes, place: tuple[str, int, int]) -> None:
    assert places_of(data) == [place]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("suites:\n  a:\n    run: echo foo: bar\n", ("C001", 3, 18)),
        ("suites:\n\ta: 1\n", ("C001", 2, 1)),
        ('suites:\n  a: "never closed\n', ("C001", 2, 6)),
        ("suites:\n  a: [1, 2\n  b: 3\n", ("C001", 3, 4)),
        ("suites:\n  a: 1\n b: 2\n", ("C001", 3, 2)),
        ("suites:\n  a: 1\n  b\n", ("C001", 3, 3)),
        ('suites:\n  a: "\\d"\n', ("C001", 2, 8)),
        ('suites:\n  a: "\\UFFFFFFFF"\n', ("C001", 2, 9)),
        ('suites:\n  a: "\\U00110000"\n', ("C001", 2, 9)),
        ("suites: @x\n", ("C001", 1, 9)),
        ("suites: *.py\n", ("C001", 1, 10)),
        ("a: {b: [!docs/**]}\n", ("C001", 1, 9)),
        ("%YAML 3.0\n---\n", ("C001", 1, 1)),
        ("", ("C001", 1, 1)),
        ("# nothing\n", ("C001", 1, 1)),
        ("suites: {}\n---\nsuites: {}\n", ("C005", 2, 1)),
    ],
)
def test_broken_yaml_is_one_problem_at_its_place(text: str, place: tuple[str, int, int]) -> None:
    assert places_of(text) == [place]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b: c\n", 'a value that holds ": " must be quoted'),
        ("a:\n\tb: c\n", "use spaces"),
        ("a: %b\n", "quote the whole text"),
        ("a: *.py\n", "quote the whole text"),
        ('a: "\\d"\n', "use single quotes"),
        ("a: 1\n b: 2\n", 'a value that holds ": "'),
    ],
)
def test_broken_yaml_comes_with_advice(text: str, words: str) -> None:
    assert words in problems_of(text)[0].help


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("suites: &s\n  a: {image: box, run: x}\n", [("C003", 1, 9)]),
        ("suites:\n  a: {image: box, run: x, env: {A: &v x, B: *v}}\n", [("C003", 2, 36), ("C003", 2, 45)]),
        ("suites:\n  a: {<<: {image: box}, run: x, image: box}\n", [("C003", 2, 7)]),
        ("suites:\n  a: {image: !!str box, run: !x y}\n", [("C003", 2, 14), ("C003", 2, 30)]),
        ("suites:\n  a: {image: box, run: ! x}\n", [("C003", 2, 24)]),
        ("!!python/object/apply:os.system [x]\n", [("C003", 1, 1), ("C109", 1, 1)]),
    ],
)
def test_sharing_and_tags_are_refused_wherever_they_are(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert places_of(text) == expected


def test_a_quoted_merge_sign_is_an_ordinary_unknown_key() -> None:
    assert places_of("suites:\n  a: {'<<': x, image: box, run: x}\n") == [("C101", 2, 7)]


def test_of_two_equal_keys_the_second_is_refused_and_names_the_first() -> None:
    (problem,) = problems_of("suites:\n  a: {image: box, run: x}\n  'a': {image: box, run: y}\n")
    assert (problem.code, problem.line, problem.column) == ("C006", 3, 3)
    assert "line 2" in problem.message


def test_a_key_that_is_no_text_is_refused() -> None:
    text = "suites:\n  a: {image: box, run: x}\n  ? [b]\n  : {}\n"
    assert places_of(text) == [("C001", 3, 5)]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("    run: echo ${{ matrix.x }}", 15),
        ("    run: [a, 'b ${{ x }}']", 17),
        ("    run: x\n    env: {A: '${{x}}'}", 15),
        ('    run: "\\x24{{ x }}"', 10),
        ("    run: x\n    ${{ x: y", 5),
    ],
)
def test_a_placeholder_is_refused_where_it_stands(line: str, column: int) -> None:
    problem = next(one for one in problems_of(f"{HEAD}{line}\n") if one.code == "C008")
    assert (problem.line, problem.column) == (4 + line.count("\n"), column)


def test_a_placeholder_in_a_block_is_found_on_its_own_line() -> None:
    assert places_of(f"{HEAD}    run: |\n      one\n      two ${{{{ x }}}}\n") == [("C008", 6, 11)]


@pytest.mark.parametrize("run", ["echo $HOME ${HOME}", "echo {{ x }} %s", "echo '{{x}}'"])
def test_other_signs_of_templates_are_taken_as_they_are(run: str) -> None:
    file = parse("f", f"{HEAD}    run: |-\n      {run}\n".encode())
    assert file.suites[0].commands == (run,)


@pytest.mark.parametrize("escape", ["\\0", "\\x00", "\\ud800", "\\uDFFF"])
def test_escapes_can_not_smuggle_in_what_no_program_takes(escape: str) -> None:
    assert places_of(f'{HEAD}    run: "a{escape}"\n') == [("C002", 4, 10)]


def test_a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_not() -> None:
    text = f"{HEAD}    run: x\n#".encode()
    assert parse("f", text.ljust(LIMIT, b"x")).suites
    assert places_of(text.ljust(LIMIT + 1, b"x")) == [("C007", 1, 1)]
