"""Files made to hurt: the work is bounded, and whatever comes in, suites or problems come out."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app.suitefile import LIMIT, parse, reading, render_text
from bot.app.suitefile.findings import MOST, Place
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.suites import SuiteFile

WORDS = [
    "suites", "unit", "image", "run", "env", "timeout", "when", "events", "branches", "paths", "version", "matrix",
    ":", ": ", "- ", "? ", "\n", "\n  ", "\n    ", "\n      ", "{", "}", "[", "]", ",", "|", ">", "&a", "*a", "<<",
    "!!str ", "!", '"', "'", "\\U", "\\0", "FFFFFFFF", "${{", "---\n", "...\n", "%YAML 1.1\n", "#", "\t", "10", "10m",
    "true", "~", "\r", "\x00", "\ud800", "é", "**", "[z-a]",
]  # fmt: skip


def outcome(data: bytes) -> SuiteFile | tuple[Problem, ...]:
    try:
        return parse(".assay.yml", data)
    except InvalidSuiteFile as error:
        render_text(".assay.yml", data, error.problems)
        return error.problems


def assert_decent(data: bytes) -> None:
    """Either suites, or problems in order that all lie in the file."""
    result = outcome(data)
    if isinstance(result, SuiteFile):
        assert all(suite.image and suite.commands for suite in result.suites)
        return
    lines = data.count(b"\n") + 1
    assert 1 <= len(result) <= MOST
    assert all(1 <= one.line <= lines and 1 <= one.column < one.end_column and one.message for one in result)
    assert list(result) == sorted(result, key=lambda one: (one.line, one.column))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_suites_or_problems(data: bytes) -> None:
    assert_decent(data)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_any_mixture_of_what_means_something_gives_suites_or_problems(words: list[str]) -> None:
    assert_decent("".join(words).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("data", [b"--- ", b"---\n\n  ", b"suites:\n  unit: ", b"suites: [\n  "])
def test_what_is_missing_at_the_end_is_missed_in_a_line_of_the_file(data: bytes) -> None:
    assert isinstance(outcome(data), tuple)
    assert_decent(data)


TREES = st.recursive(
    st.text(max_size=8), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner)
)
KEYS = st.sampled_from(["image", "run", "env", "timeout", "when", "allow_failure", "description"])


@settings(deadline=None)
@given(KEYS, TREES)
def test_any_tree_in_the_place_of_any_value_gives_suites_or_problems(key: str, tree: object) -> None:
    suite = {"image": "box", "run": "x", key: tree}
    assert_decent(yaml.safe_dump({"suites": {"unit": suite}}, allow_unicode=True).encode())


def counted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The nodes that are read from now on."""
    seen: list[object] = []
    place_of = reading._place

    def place(event: yaml.Event) -> Place:
        seen.append(event)
        return place_of(event)

    monkeypatch.setattr(reading, "_place", place)
    return seen


def filled(piece: str) -> bytes:
    return (piece * (LIMIT // len(piece)))[:LIMIT].encode()


@pytest.mark.parametrize(
    ("piece", "code"),
    [
        ("[", "C007"),
        ("{a: ", "C007"),
        ("- ", "C007"),
        ("? ", "C007"),
        ("a:\n", "C006"),
        ("- x\n", "C007"),
        ("? x\n: y\n", "C006"),
        ("- {}\n", "C007"),
        ("- *a\n", "C003"),
        ("- &a x\n", "C003"),
        ("- !t x\n", "C003"),
        ("- ${{ x\n", "C007"),
        ("---\n", "C005"),
        ("%TAG ! tag:x:\n", "C001"),
        ("# x\n", "C001"),
        ("x", "C109"),
        (" ", "C001"),
        ("\n", "C001"),
        ('"', "C001"),
        ("'\n", "C001"),
        ("\\", "C109"),
        ("&a ", "C001"),
        ("!", "C003"),
        ("\t", "C001"),
    ],
)
def test_a_whole_file_of_one_thing_ends_within_the_limits(
    piece: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = counted(monkeypatch)
    problems = outcome(filled(piece))
    assert isinstance(problems, tuple)
    assert code in {one.code for one in problems}
    assert len(problems) <= MOST
    assert len(seen) <= reading.NODES + 1


def test_nesting_is_counted_in_levels() -> None:
    fits = "a: " + "[" * (reading.LEVELS - 1) + "]" * (reading.LEVELS - 1)
    too_deep = "a: " + "[" * reading.LEVELS + "]" * reading.LEVELS
    fitting, deep = outcome(fits.encode()), outcome(too_deep.encode())
    assert isinstance(fitting, tuple)
    assert isinstance(deep, tuple)
    assert "C007" not in {one.code for one in fitting}
    assert [(one.code, one.line, one.column) for one in deep] == [("C007", 1, 3 + reading.LEVELS)]


def test_an_alias_bomb_is_never_built() -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9))
    problems = outcome(f"l0: &l0 [x]\n{layers}".encode())
    assert isinstance(problems, tuple)
    assert {one.code for one in problems} >= {"C003"}


def test_a_thousand_unknown_keys_of_any_length_are_reported_up_to_the_limit() -> None:
    keys = "".join(f"    {'k' * 150}{n}: x\n" for n in range(1000))
    problems = outcome(f"suites:\n  a:\n    image: box\n    run: x\n{keys}".encode())
    assert isinstance(problems, tuple)
    assert len(problems) == MOST
