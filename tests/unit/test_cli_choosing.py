"""Which suites and cells `assay run` means by its arguments."""

import shlex

import pytest

from bot.app import suitefile
from bot.app.choosing import chosen
from bot.cli.run import run
from bot.domain.errors import BadInput
from bot.domain.suite_check import run_line
from bot.domain.suites import SuiteFile

FILE = b"""
suites:
  unit:
    image: box:${{ matrix.python }}
    matrix: {python: [3.9, 3.12], db: [pg, my]}
    run: x
  lint: {image: box:1, run: x}
  release: {image: box:1, run: x, when: {events: [tag]}}
"""


UNTI = "There is no suite unti. Did you mean unit? Suites here: unit, lint, release."


@pytest.fixture
def file() -> SuiteFile:
    return suitefile.parse(".assay.yml", FILE)


def keys(file: SuiteFile, *names: str, **axes: str) -> list[str]:
    return [suite.key for suite in chosen(file, names, {axis: [value] for axis, value in axes.items()})]


def test_without_names_all_that_pushes_and_pull_requests_start(file: SuiteFile) -> None:
    assert keys(file) == ["unit (3.9, pg)", "unit (3.9, my)", "unit (3.12, pg)", "unit (3.12, my)", "lint"]


def test_a_name_means_the_suite_whatever_starts_it(file: SuiteFile) -> None:
    assert keys(file, "release") == ["release"]


def test_of_one_axis_any_value_will_do_and_globs_are_values_as_well(file: SuiteFile) -> None:
    assert [one.key for one in chosen(file, ["unit"], {"python": ["3.1*"], "db": ["pg", "my"]})] == [
        "unit (3.12, pg)",
        "unit (3.12, my)",
    ]


def test_a_glob_that_no_name_could_need_is_not_tried(file: SuiteFile) -> None:
    with pytest.raises(BadInput, match="There is no suite"):
        keys(file, "*" * 201)


def test_an_axis_narrows_the_suites_that_have_it(file: SuiteFile) -> None:
    assert keys(file, python="3.12", db="pg") == ["unit (3.12, pg)", "lint"]


@pytest.mark.parametrize(
    ("names", "axes", "words"),
    [
        (["unti"], {}, UNTI),
        (["zzz"], {}, "There is no suite zzz. Suites here: unit, lint, release."),
        (
            ["unit"],
            {"pyhton": "3.9"},
            "No suite to run has an axis pyhton. Did you mean python? Axes here: python, db.",
        ),
        (["lint"], {"python": "3.9"}, "No suite to run has an axis python. They have no matrix."),
        (
            ["unit"],
            {"python": "3.10"},
            "unit has no cell with python=3.10. Did you mean 3.12? Values here: 3.9, 3.12.",
        ),
        (
            ["unti"],
            {"dbb": "pg"},
            f"{UNTI} No suite to run has an axis dbb. Did you mean db? Axes here: python, db.",
        ),
    ],
)
def test_what_is_not_there_is_refused_with_a_guess_all_at_once(
    file: SuiteFile, names: list[str], axes: dict[str, str], words: str
) -> None:
    with pytest.raises(BadInput) as error:
        keys(file, *names, **axes)
    assert str(error.value) == words


def test_values_that_no_cell_has_together_are_refused() -> None:
    text = b"suites: {unit: {image: box:1, run: x, matrix: {a: [1, 2], b: [1, 2], exclude: [{a: 1, b: 2}]}}}"
    file = suitefile.parse(".assay.yml", text)
    with pytest.raises(BadInput, match="no cell has all these values together"):
        keys(file, "unit", a="1", b="2")


def test_a_file_for_tags_only_asks_for_a_name() -> None:
    file = suitefile.parse(".assay.yml", b"suites: {release: {image: box:1, run: x, when: {events: [tag]}}}")
    with pytest.raises(BadInput, match="name one of release"):
        chosen(file, [], {})


def test_the_line_of_a_check_chooses_just_its_cell_and_shard() -> None:
    text = """
    suites:
      unit: {image: box, run: x, shards: 3, matrix: {python: ["3.9", "3.10 rc"], os: [a, b]}}
    """
    file = suitefile.parse(".assay.yml", text.encode())
    for suite in file.suites:
        program, command, *args = shlex.split(run_line(suite))
        assert (program, command) == ("assay", "run")
        context = run.make_context("run", args)
        given = context.params
        axes = {axis: [value] for axis, _, value in (text.partition("=") for text in given["axes"])}
        assert chosen(file, given["suites"], axes, given["shard"]) == (suite,)


def test_a_shard_that_no_suite_has_is_refused() -> None:
    file = suitefile.parse(
        ".assay.yml", b"suites: {unit: {image: box, run: x, shards: 3}, lint: {image: box, run: x}}"
    )
    assert [suite.key for suite in chosen(file, (), {}, 2)] == ["unit (2/3)", "lint"]
    with pytest.raises(BadInput, match="no suite to run has a shard 4"):
        chosen(file, (), {}, 4)
