"""Revisions widen only: processes of the version before go on with the tables while and after one runs (F20)."""

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.house.tree import ROOT, name_of, syntax

_VERSIONS: Final = sorted((ROOT / "bot/adapters/store_sql/migrations/versions").glob("*.py"))
_ALLOWED: Final = {"create_table", "create_index", "add_column", "add_index"}
_BEFORE_THE_FIRST_RELEASE: Final = {
    "0018_traces.py": "columns of three tables",
    "0022_bisections.py": "columns of two tables, and an index on one that is new in it",
}


@pytest.fixture(params=_VERSIONS, ids=name_of)
def revision(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_revision_takes_nothing_away_and_changes_nothing(revision: Path) -> None:
    """What is in no use any more may go a release later; then that revision and its reason are named here."""
    assert {_word(call) for call in _steps(revision)} <= _ALLOWED


def test_rows_that_others_write_meanwhile_need_nothing_new(revision: Path) -> None:
    for call in _steps(revision):
        if _word(call) == "add_column":
            column = call.args[1]
            assert isinstance(column, ast.Call)
            assert not column.args[2:], f"line {call.lineno}: no constraint on rows that are there"
            given = {word.arg: ast.unparse(word.value) for word in column.keywords}
            assert given.get("nullable", "True") == "True" or "server_default" in given, f"line {call.lineno}"


def test_an_index_of_a_table_in_use_is_built_beside_its_use(revision: Path) -> None:
    if revision.name in _BEFORE_THE_FIRST_RELEASE:
        return
    made = {_table(call) for call in _steps(revision) if _word(call) == "create_table"}
    for call in _steps(revision):
        if _word(call) == "create_index":
            assert _table(call) in made, f"line {call.lineno}: widening.add_index"


def test_a_revision_that_builds_an_index_beside_its_use_does_nothing_else(revision: Path) -> None:
    words = {_word(call) for call in _steps(revision)}
    assert "add_index" not in words or words == {"add_index"}, "what goes before it could not be undone"


def test_a_revision_locks_one_table_that_is_in_use(revision: Path) -> None:
    """With two it could wait in a circle with those who write to both."""
    if revision.name in _BEFORE_THE_FIRST_RELEASE:
        return
    altered = {_table(call) for call in _steps(revision) if _word(call) == "add_column"}
    assert len(altered) <= 1


def _steps(revision: Path) -> list[ast.Call]:
    """What it does to the database."""
    return [
        node
        for function in syntax(revision)
        if isinstance(function, ast.FunctionDef) and function.name != "downgrade"
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and (_is_of_op(node.func) or ast.unparse(node.func) == "add_index")
    ]


def _is_of_op(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "op" and function.attr != "f"


def _word(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _table(call: ast.Call) -> str:
    place = 1 if "index" in _word(call) else 0
    return str(ast.literal_eval(call.args[place]))
