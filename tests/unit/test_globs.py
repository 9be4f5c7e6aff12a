"""Globs for paths and branches, and that no glob can make them slow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app import globs


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["web/**"], "web/a.ts", True),
        (["web/**"], "web/a/b/c.ts", True),
        (["web/**"], "api/web/a.ts", False),
        (["web/**"], "web", False),
        (["web/**"], "webs/a.ts", False),
        (["web/*"], "web/a.ts", True),
        (["web/*"], "web/a/b.ts", True),
        (["web/*.ts"], "web/a/b.ts", False),
        (["web/"], "api/web/a.ts", True),
        (["/web/"], "api/web/a.ts", False),
        (["web"], "web", True),
        (["web"], "api/web/a.ts", True),
        (["*.py"], "a/b/c.py", True),
        (["/*.py"], "a/b/c.py", False),
        (["**/*.py"], "c.py", True),
        (["a/**/z"], "a/z", True),
        (["a/**/z"], "a/b/c/z", True),
        (["pyproject.toml"], "pyproject.toml", True),
        (["pyproject.toml"], "pyprojectxtoml", False),
        ([".assay.yml"], ".assay.yml", True),
        (["**"], "any/thing", True),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[a-c].py"], "b.py", True),
        ([r"\!important"], "!important", True),
        ([r"\#x"], "#x", True),
        (["*.md", "*.py"], "a.py", True),
        (["*.md", "*.py"], "a.js", False),
        (["**", "!docs/**"], "docs/a.md", False),
        (["**", "!docs/"], "docs/a.md", False),
        (["**/*.md", "!docs/"], "docs/a.md", False),
        (["!docs/**", "**"], "docs/a.md", True),
        (["**", "!docs/**", "docs/api/**"], "docs/api/a.md", True),
        (["é*/**"], "été/ø.py", True),
        (["*.py"], "new\nline/a.py", True),
        (["*.bin"], "not-unicode-\udcff.bin", True),
        ([], "a", False),
    ],
)
def test_paths(patterns: list[str], path: str, *, expected: bool) -> None:
    assert globs.matches(patterns, path) is expected


@pytest.mark.parametrize(
    ("patterns", "branch", "expected"),
    [
        (["main"], "main", True),
        (["main"], "feature/main", False),
        (["main"], "main/x", False),
        (["main"], "mainline", False),
        (["release/*"], "release/1", True),
        (["release/*"], "release/1/fix", False),
        (["release/*"], "release/", True),
        (["release/*"], "old/release/1", False),
        (["release/**"], "release/1/fix", True),
        (["release/**"], "release", False),
        (["*"], "main", True),
        (["*"], "feature/x", False),
        (["**"], "feature/x/y", True),
        (["v?"], "v1", True),
        (["v?"], "v/", False),
        (["**/fix"], "a/b/fix", True),
        (["a.b"], "axb", False),
        (["a+(b)|c"], "a+(b)|c", True),
        (["main", "release/*"], "release/2", True),
        (["**", "!wip/**"], "wip/x", False),
        (["**", "!wip/**"], "main", True),
        (["!main", "**"], "main", True),
        ([], "main", False),
        (["é*"], "été", True),
    ],
)
def test_branches(patterns: list[str], branch: str, *, expected: bool) -> None:
    assert globs.matches_branch(patterns, branch) is expected


@pytest.mark.parametrize(
    "glob", ["web/**", "!docs/", "*.py", "/a", r"\#x", "a b", "[a-z]", "é", "**", "...", "a../b"]
)
def test_decent_globs_have_no_fault(glob: str) -> None:
    assert globs.path_fault(glob) == ""


@pytest.mark.parametrize(
    "glob", ["", " ", "/", "!", "a[", "#a", "\\", "a\\", "[z-a]", "./a", "!./a", "../a", "a/../b"]
)
def test_globs_that_can_match_nothing_have_one(glob: str) -> None:
    assert globs.path_fault(glob)


@pytest.mark.parametrize("glob", ["", "!", "refs/heads/main", "!refs/heads/x", "/main", "main/"])
def test_branches_that_can_not_exist_have_one(glob: str) -> None:
    assert globs.branch_fault(glob)


@pytest.mark.parametrize("glob", ["main", "!main", "release/*", "**", "a+b", "[x]"])
def test_decent_branches_have_none(glob: str) -> None:
    assert globs.branch_fault(glob) == ""


def test_globs_that_would_make_a_backtracking_matcher_hang_are_answered() -> None:
    hostile = ["*a" * 40 + "b", "**/a/" * 40 + "b", "?*" * 60 + "b"]
    path = "a" * 250 + "/" + "a/" * 1500 + "a" * 250
    assert globs.matches(hostile, path) is False
    assert globs.matches_branch(hostile, "a" * 250) is False


def test_a_hundred_long_globs_still_find_the_one_that_matches() -> None:
    many = [f"**/{'?*[a-m]*' * 25}{number}" for number in range(99)]
    assert globs.matches([*many, "needle/**"], "needle/" + "a" * 200) is True
    assert globs.matches([*many, "needle/**"], "hay/" + "a" * 200) is False


def test_twenty_thousand_paths_are_one_compiled_list() -> None:
    patterns = ("web/**", "!web/docs/**", "twenty-thousand")
    before = globs._path_spec.cache_info().misses
    found = sum(globs.matches(patterns, f"{'web' if number % 2 else 'api'}/{number}.ts") for number in range(20_000))
    assert found == 10_000
    assert globs._path_spec.cache_info().misses == before + 1


@settings(deadline=None)
@given(
    st.text(st.sampled_from("ab/*?![]^-\\#. é{}()|+$"), max_size=12), st.text(st.sampled_from("ab/.é\n"), max_size=12)
)
def test_whatever_has_no_fault_can_be_matched(glob: str, path: str) -> None:
    fault = globs.path_fault(glob)
    assert isinstance(fault or globs.matches([glob], path), (str, bool))
    assert isinstance(globs.branch_fault(glob) or globs.matches_branch([glob], path), (str, bool))


@given(st.text(st.sampled_from("ab/.+()$^|"), min_size=1, max_size=12))
def test_a_branch_without_wildcards_matches_itself_alone(name: str) -> None:
    assert globs.matches_branch([name], name)
    assert not globs.matches_branch([name], name + "x")
