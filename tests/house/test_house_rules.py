"""Shape: size of files, where async and the environment are allowed, who owns which dependency."""

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest

from tests.house.tree import BOT, PYTHON, name_of, project, syntax

MAX_LINES: Final = 400
ASYNC: Final = ("bot/web/", "bot/demo/", "bot/cli/server.py")  # the last one hooks into uvicorn's start and end
FREE: Final = {
    "pydantic": "values at every edge",
    "psycopg": "SQLAlchemy loads it by itself",
    "structlog": "every layer above the ports logs",
    "httptools": "uvicorn loads it by itself",
    "tzdata": "zoneinfo reads it by itself",
    "uvloop": "uvicorn loads it by itself",
    "websockets": "uvicorn loads it by itself",
}


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_no_file_is_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_an_exception_to_a_rule_stands_with_its_reason(path: Path) -> None:
    bare = re.compile(r"# (?:noqa|type: ignore)(?:: [A-Z0-9, ]+|\[[a-z, -]+\])?$", re.MULTILINE)
    assert bare.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", [one for one in BOT if not name_of(one).startswith(ASYNC)], ids=name_of)
def test_only_the_web_and_the_demo_are_async(path: Path) -> None:
    assert not [node.lineno for node in syntax(path) if isinstance(node, ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", [one for one in BOT if not name_of(one).startswith("bot/settings/")], ids=name_of)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    assert not [
        node.lineno
        for node in syntax(path)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    ]


def test_every_dependency_has_an_owner_among_the_import_contracts() -> None:
    wanted = {re.split(r"[^\w-]", line)[0] for line in project()["project"]["dependencies"]}
    modules = {
        module
        for module, names in packages_distributions().items()
        if not module.startswith("_") and wanted & {name.lower().replace("_", "-") for name in names}
    }
    owned = {
        module
        for contract in project()["tool"]["importlinter"]["contracts"]
        if contract["type"] == "protected"
        for module in contract["protected_modules"]
    }
    assert modules - owned == FREE.keys() & modules
