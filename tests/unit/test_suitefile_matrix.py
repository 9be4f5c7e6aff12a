"""A matrix and shards become one suite for each cell and shard."""

import pytest

from bot.app.suitefile import parse
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.suites import Suite

FULL: frozenset[str] = frozenset()


def suites_of(text: str) -> tuple[Suite, ...]:
    return parse("f", text.encode(), later=FULL).suites


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(InvalidSuiteFile) as caught:
        parse("f", text.encode(), later=FULL)
    return list(caught.value.problems)


def unit(matrix: str, line: str = "timeout: 1m") -> str:
    return f"suites:\n  unit:\n    image: box:1\n    run: x\n    matrix: {matrix}\n    {line}\n"


def labels_of(matrix: str, line: str = "timeout: 1m") -> list[str]:
    return [suite.label for suite in suites_of(unit(matrix, line))]


def test_a_suite_without_a_matrix_is_one_cell_without_a_label() -> None:
    (suite,) = suites_of("suites: {unit: {image: box, run: x}}")
    assert (suite.cell, suite.shard, suite.shards, suite.label, suite.key) == ((), 1, 1, "", "unit")


def test_cells_come_in_the_order_of_the_file_and_the_last_axis_moves_first() -> None:
    suites = suites_of(unit("{python: [3.9, 3.10], db: [pg17, lite]}"))
    assert [suite.label for suite in suites] == ["3.9, pg17", "3.9, lite", "3.10, pg17", "3.10, lite"]
    assert suites[2].cell == (("python", "3.10"), ("db", "pg17"))
    assert suites[2].key == "unit (3.10, pg17)"
    assert {suite.name for suite in suites} == {"unit"}


@pytest.mark.parametrize("written", ["3.10", "NO", "22:22", "0123", "1_000", "2024-01-01", "1e3", "true", "~"])
def test_texts_of_a_matrix_are_what_is_written(written: str) -> None:
    assert labels_of(f"{{a: [{written}]}}") == [written]


def test_shards_multiply_the_cells_and_are_counted_from_one() -> None:
    suites = suites_of(unit("{a: [x, y]}", "shards: 2"))
    assert [(one.label, one.shard, one.shards) for one in suites] == [
        ("x 1/2", 1, 2),
        ("x 2/2", 2, 2),
        ("y 1/2", 1, 2),
        ("y 2/2", 2, 2),
    ]
    assert [one.key for one in suites_of("suites: {u: {image: box, run: x, shards: 2}}")] == ["u (1/2)", "u (2/2)"]


@pytest.mark.parametrize(
    ("matrix", "labels"),
    [
        ("{a: [1, 2], b: [1, 2], exclude: [{a: 1, b: 2}]}", ["1, 1", "2, 1", "2, 2"]),
        ("{a: [1, 2], b: [1, 2], exclude: [{a: 1}]}", ["2, 1", "2, 2"]),
        ("{a: [1, 2], exclude: [{a: 1}, {a: 1}]}", ["2"]),
        ("{a: [1], include: [{a: 2}]}", ["1", "2"]),
        ("{a: [1], include: [{a: 1}]}", ["1"]),
        ("{a: [1], include: [{a: 2, extra: y}]}", ["1", "2, y"]),
        ("{a: [1, 2], include: [{a: 2, extra: y}]}", ["1", "2, y"]),
        ("{a: [1, 2], include: [{extra: y}]}", ["1, y", "2, y"]),
        ("{a: [1, 2], b: [1, 2], include: [{a: 2, extra: y}]}", ["1, 1", "1, 2", "2, 1, y", "2, 2, y"]),
        ("{a: [1, 2], b: [1], include: [{b: 1, a: 3}]}", ["1, 1", "2, 1", "3, 1"]),
        ("{a: [1, 2], exclude: [{a: 1}], include: [{a: 1, extra: y}]}", ["2", "1, y"]),
        ("{include: [{a: 1}, {a: 2, b: 3}]}", ["1", "2, 3"]),
    ],
)
def test_include_and_exclude(matrix: str, labels: list[str]) -> None:
    assert labels_of(matrix) == labels


def test_a_cell_may_fail_when_include_says_so() -> None:
    added = suites_of(unit("{a: [1, 2], include: [{a: 3, allow_failure: true}, {a: 1, allow_failure: true}]}"))
    strict = suites_of(unit("{a: [1, 2], include: [{a: 2, allow_failure: false}]}", "allow_failure: true"))
    assert [one.allow_failure for one in added] == [True, False, True]
    assert [one.allow_failure for one in strict] == [True, False]


@pytest.mark.parametrize(
    ("matrix", "code", "words"),
    [
        ("{a: [1], exclude: [{a: 2}]}", "C205", "no cell has these texts"),
        ("{a: [1], exclude: [{aa: 1}]}", "C201", 'no axis "aa"'),
        ("{a: [1], exclude: [{a: 1}]}", "C205", "no cell is left"),
        ("{include: []}", "C205", "no cell is left"),
        ("{a: [1], b: [1], include: [{a: 2}]}", "C205", "no cell has these texts"),
        ("{include: [{a: 1}, {b: 1}]}", "C205", 'two cells are called "1"'),
        ("{a: [x, 'x, y'], b: [z, 'y, z']}", "C205", 'two cells are called "x, y, z"'),
        ("{a: [1, 1]}", "C109", '"1" is here twice'),
        ("{a-b: [1], a_b: [1]}", "C109", "the same variable MATRIX_A_B"),
        ("{a: [1], A: [1]}", "C109", "the same variable MATRIX_A"),
        ('{a: ["a\\nb"]}', "C109", "one line"),
        ('{a: ["\\e[31m"]}', "C109", "one line"),
        ("{a: [" + "x" * 101 + "]}", "C109", "at most 100 characters"),
        ("{'': [x]}", "C109", "the name of an axis"),
        ("{a: ['${{ matrix.b }}'], b: [x]}", "C008", "can't stand here"),
        ("{a: [" + ", ".join(map(str, range(501))) + "]}", "C007", "at most 500 cells"),
        ("{a: &x [1]}", "C003", "anchors"),
    ],
)
def test_a_bad_matrix_is_one_problem_in_its_line(matrix: str, code: str, words: str) -> None:
    (problem,) = problems_of(unit(matrix))
    assert (problem.code, problem.line) == (code, 5)
    assert words in problem.message


def test_five_hundred_cells_are_allowed() -> None:
    axis = ", ".join(map(str, range(50)))
    assert len(labels_of(f"{{a: [{axis}], b: [{', '.join('abcdefghij')}]}}")) == 500


def test_a_matrix_of_ten_thousand_is_never_built() -> None:
    axis = ", ".join(map(str, range(100)))
    (problem,) = problems_of(unit(f"{{a: [{axis}], b: [{axis}]}}"))
    assert (problem.code, problem.line) == ("C007", 5)


def test_all_runs_of_a_file_have_a_limit() -> None:
    axis = ", ".join(map(str, range(100)))
    fits = unit(f"{{a: [{axis}]}}", "shards: 10")
    assert len(suites_of(fits)) == 1000
    assert [one.code for one in problems_of(unit(f"{{a: [{axis}]}}", "shards: 11"))] == ["C007"]


def test_values_of_the_cell_are_filled_in_where_they_may() -> None:
    text = """
environments:
  py3: {image: "ci:${{matrix.python}}", workdir: "src/${{ matrix.pkg }}"}
services:
  db-1: {image: "db:${{ matrix.python }}"}
suites:
  unit:
    description: Tests of ${{ matrix.pkg }}
    matrix: {python: [3.9, 3.10], pkg: [web], n: [1], os: [py3]}
    environment: ${{ matrix.os }}
    services: ["db-${{ matrix.n }}"]
    run: x
    reports: {junit: "${{ matrix.pkg }}/*.xml"}
    artifacts: {paths: ["out/${{ matrix.pkg }}/"], link: "out/${{ matrix.pkg }}/i.html"}
    cache: {key: "a-${{ matrix.python }}-${{ files: uv.lock }}", paths: [".c/${{ matrix.pkg }}"]}
    when: {paths: ["${{ matrix.pkg }}/**"], paths_ignore: "${{ matrix.pkg }}/docs/"}
"""
    suite = suites_of(text)[1]
    assert (suite.image, suite.workdir, suite.description) == ("ci:3.10", "src/web", "Tests of web")
    assert [(one.name, one.image) for one in suite.services] == [("db-1", "db:3.10")]
    assert suite.reports
    assert suite.reports.junit == ("web/*.xml",)
    assert suite.artifacts
    assert (suite.artifacts.paths, suite.artifacts.link) == (("out/web/",), "out/web/i.html")
    assert suite.cache
    assert (suite.cache.key, suite.cache.paths) == ("a-3.10-${{ files: uv.lock }}", (".c/web",))
    assert (suite.when.paths, suite.when.paths_ignore) == (("web/**",), ("web/docs/",))


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        ("image: box:${{ matrix.pyton }}\n    matrix: {python: [1]}", "C204", 'has no "pyton"'),
        ("image: box:${{ matrix.python }}", "C204", 'has no "python"'),
        ("image: box:${{ matrix.b }}\n    matrix: {a: [1], include: [{a: 2, b: 1}]}", "C204", 'has no "b"'),
        ("image: box:${{ matrix.a }}\n    matrix: {a: [x y]}", "C112", "is not the name of an image"),
        ("image: ${{ matrix.a }}\n    matrix: {a: [--privileged]}", "C112", "is not the name of an image"),
        ("environment: ${{ matrix.a }}\n    matrix: {a: [x]}", "C201", 'no environment "x"'),
        ("image: box\n    services: ['${{ matrix.a }}']\n    matrix: {a: [x]}", "C201", 'no service "x"'),
        (
            "image: box\n    artifacts: {paths: '${{ matrix.a }}'}\n    matrix: {a: [../x]}",
            "C109",
            "repository's root",
        ),
        ("image: box:${{ env.X }}", "C008", '"env.X" can\'t stand'),
        ("image: box:${{ matrix.x", "C008", 'without "}}"'),
        ("image: box:${{ files:x }}", "C008", "key of a cache only"),
        ("image: box\n    cache: {key: 'a${{ files:../x }}', paths: a}", "C008", "repository's root"),
        ("image: box\n    cache: {key: 'a${{ secrets.A }}', paths: a}", "C008", '"secrets.A" can\'t stand'),
        ("image: box\n    timeout: ${{ matrix.a }}\n    matrix: {a: [1m]}", "C008", "can't stand here"),
        ("image: box\n    env: {A: '${{ matrix.a }}'}\n    matrix: {a: [1m]}", "C008", "can't stand here"),
    ],
)
def test_bad_placeholders(lines: str, code: str, words: str) -> None:
    (problem,) = problems_of(f"suites:\n  unit:\n    run: x\n    {lines}\n")
    assert problem.code == code
    assert words in problem.message


def test_a_wrong_axis_gets_a_guess_and_is_told_once_for_all_cells() -> None:
    (problem,) = problems_of(unit("{python: [1, 2, 3]}", "description: ${{ matrix.pyhton }}"))
    assert (problem.line, problem.column, problem.help) == (6, 18, 'did you mean "python"?')
