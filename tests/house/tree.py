"""The repository's files as the house tests see them."""

import ast
import functools
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
BOT: Final = sorted((ROOT / "bot").rglob("*.py"))
TESTS: Final = sorted((ROOT / "tests").rglob("*.py"))
PYTHON: Final = [*BOT, *TESTS]

_TEXT: Final = {
    ".py",
    ".md",
    ".txt",
    ".yml",
    ".yaml",
    ".toml",
    ".service",
    ".html",
    ".css",
    ".js",
    ".sh",
    ".json",
    "",
}
_FOLDERS: Final = ("bot", "tests", "deploy", "docs", ".ci")


def texts() -> list[Path]:
    """Every file that people read or write, those of this folder excepted: they name what they forbid."""
    found = [path for folder in _FOLDERS for path in (ROOT / folder).rglob("*")]
    found += [path for path in ROOT.iterdir() if path.name not in {".coverage", ".git"}]
    return sorted(
        path
        for path in found
        if path.is_file() and path.suffix in _TEXT and path.parent.name not in {"house", "__pycache__", "wheels"}
    )


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def syntax(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a module."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@functools.cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
