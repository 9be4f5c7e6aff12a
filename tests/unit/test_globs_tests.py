"""Globs of the names of tests."""

import pytest

from bot.app.globs import matches_test


@pytest.mark.parametrize(
    ("glob", "name", "is_meant"),
    [
        ("tests/test_net.py::*", "tests/test_net.py::TestA::test_b[x/y]", True),
        ("*::test_?", "a::test_b", True),
        ("*::test_?", "a::test_bc", False),
        ("a", "ab", False),
        ("a[1]", "a[1]", True),
        ("a.b", "axb", False),
        ("A", "a", False),
        ("é*", "é\nx", True),
    ],
)
def test_which_tests_a_glob_means(glob: str, name: str, is_meant: bool) -> None:
    assert matches_test(["nothing", glob], name) is is_meant


def test_a_hostile_glob_takes_no_time() -> None:
    assert not matches_test(["*a" * 200 + "b"], "a" * 500)
