"""What must not be in the source: dangerous calls (RELIABILITY S128), unsafe comparisons, foreign addresses."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.house.tree import BOT, PYTHON, ROOT, name_of, syntax, texts

ALLOWED: Final = {
    (
        "bot/adapters/forge_github/auth.py",
        "known.text == token",
    ): "the cache's own tokens; nobody outside chooses one",
    ("tests/unit/test_suitefile_schema.py", "yaml.load"): "its loader is derived from the safe one",
}
"""(file, call or comparison) that may stay, each with its reason."""

_KEYWORDS: Final = {"shell=True", "verify=False", "follow_redirects=True"}
_CALLS: Final = {"eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
_MODULES: Final = {"pickle", "marshal", "shelve"}
_SECRETS: Final = re.compile(r"signature|secret|token", re.IGNORECASE)
_HOSTS: Final = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io|proxy\.golang\.org|rubygems\.org|deb\.debian\.org"
)
_MACHINE: Final = re.compile(r"/work/(?:main|shared|\.library)|/tmp/boot|/root/\.\w+env/|/opt/wheels|/home/\w+/")


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _in_call(node: ast.Call) -> Iterator[str]:
    called = _dotted(node.func)
    if called in _CALLS:
        yield called
    if called.endswith(".extractall"):
        yield "extractall"
    if called.split(".")[-1] == "text" and node.args and isinstance(node.args[0], ast.JoinedStr):
        yield "text(f"
    for keyword in node.keywords:
        if (setting := f"{keyword.arg}={ast.unparse(keyword.value)}") in _KEYWORDS:
            yield setting


def _found(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call():
            yield from _in_call(node)
        case ast.Import():
            yield from (one.name for one in node.names if one.name in _MODULES)
        case ast.ImportFrom(module=str(module)) if module in _MODULES:
            yield module
        case _:
            pass


def dangerous(path: Path) -> set[tuple[str, str]]:
    return {(name_of(path), what) for node in syntax(path) for what in _found(node)}


def _is_secret(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and bool(_SECRETS.search(_dotted(node).split(".")[-1]))


def unsafe(path: Path) -> set[tuple[str, str]]:
    return {(name_of(path), ast.unparse(node)) for node in syntax(path) if _leaks_time(node)}


def _leaks_time(node: ast.AST) -> bool:
    """Do two values, one of them a secret by its name, meet in `==`? It ends at the first difference."""
    return (
        isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(_is_secret(side) for side in (node.left, *node.comparators))
        and not any(isinstance(side, ast.Constant) for side in (node.left, *node.comparators))
    )


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_no_dangerous_call(path: Path) -> None:
    assert dangerous(path) <= ALLOWED.keys()


def test_everything_allowed_is_still_there() -> None:
    assert set(ALLOWED) <= {found for path in PYTHON for found in dangerous(path) | unsafe(path)}


@pytest.mark.parametrize(
    "line",
    [
        "eval(x)",
        "os.system(x)",
        "import pickle",
        "from pickle import loads",
        "yaml.load(x)",
        "archive.extractall(x)",
        "run(x, shell=True)",
        "Client(verify=False)",
        "Client(follow_redirects=True)",
        "sqlalchemy.text(f'select {x}')",
    ],
)
def test_the_search_for_dangerous_calls_finds_each_kind(line: str) -> None:
    assert [what for node in ast.walk(ast.parse(line)) for what in _found(node)]


@pytest.mark.parametrize("path", BOT, ids=name_of)
def test_secrets_are_not_compared_with_an_operator(path: Path) -> None:
    assert unsafe(path) <= ALLOWED.keys()


@pytest.mark.parametrize(
    ("line", "leaks"), [("a.secret == b", True), ("token != ''", False), ("name == other", False)]
)
def test_the_search_for_unsafe_comparisons_sees_names(line: str, leaks: bool) -> None:
    assert any(_leaks_time(node) for node in ast.walk(ast.parse(line))) is leaks


@pytest.mark.parametrize("pattern", [_HOSTS, _MACHINE], ids=["registry hosts", "paths of one machine"])
def test_no_file_names_places_outside_the_product(pattern: re.Pattern[str]) -> None:
    assert not [name_of(path) for path in texts() if pattern.search(path.read_text(encoding="utf-8"))]


def test_the_search_reaches_the_lock_files() -> None:
    assert ROOT / "deploy" / "requirements.txt" in texts()
