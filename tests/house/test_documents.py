"""The documents keep up with the code."""

import re
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot import faultpoints
from bot.domain.amounts import amount_of, is_amount
from bot.settings import Settings
from tests.house.tree import ROOT, TESTS, name_of, project

OPERATORS_GUIDE: Final = ROOT / "deploy" / "README.md"
GUIDES: Final = [ROOT / "README.md", OPERATORS_GUIDE, *sorted((ROOT / "docs").glob("*.md"))]
OTHER_NAMES: Final = {
    "docker_host": "DOCKER_HOST",
    "channels": "ASSAY_CHANNEL_NAME",
    "otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
}
PLAIN: Final = [
    name
    for name, field in Settings.model_fields.items()
    if isinstance(field.default, int | float | Enum) and name != "workers"
]
"""Settings whose default is the same on every machine, and more than a text."""
LOCKS: Final = ["requirements.txt", "requirements-dev.txt", "requirements-build.txt"]


def _variable(field: str) -> str:
    return OTHER_NAMES.get(field, f"ASSAY_{field.upper()}")


def _rows() -> list[str]:
    return re.findall(r"^\| `([A-Z_]+)`", OPERATORS_GUIDE.read_text(encoding="utf-8"), re.MULTILINE)


def _tokens(path: Path) -> list[Token]:
    return MarkdownIt().parse(path.read_text(encoding="utf-8"))


def _anchors(path: Path) -> set[str]:
    """Of its headings, as forges make them: small letters and digits, hyphens for blanks."""
    tokens = _tokens(path)
    headings = [text.content for mark, text in pairwise(tokens) if mark.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_setting_has_one_row_in_the_operators_guide_and_no_other_has() -> None:
    assert sorted(_rows()) == sorted(_variable(field) for field in Settings.model_fields)


@pytest.mark.parametrize("field", PLAIN)
def test_the_operators_guide_tells_the_default_that_holds(field: str) -> None:
    guide = OPERATORS_GUIDE.read_text(encoding="utf-8")
    (told,) = re.findall(rf"^\| `{_variable(field)}`[^|]*\| ([^|]+) \|", guide, re.MULTILINE)
    default = Settings.model_fields[field].default
    text = str(getattr(default, "value", default)).lower()

    amount = told.strip("`")
    assert amount_of(amount) == default if is_amount(amount) else told == f"`{text}`"


@pytest.mark.parametrize("path", GUIDES, ids=name_of)
def test_links_of_the_documents_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize("path", GUIDES, ids=name_of)
def test_links_to_a_heading_find_it(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", path.read_text(encoding="utf-8"))
    pages = {file: path.parent / file if file else path for file, _ in links}
    assert not [f"{file}#{anchor}" for file, anchor in links if anchor not in _anchors(pages[file])]


@pytest.mark.parametrize("path", GUIDES, ids=name_of)
def test_no_block_of_code_swallows_the_text_after_it(path: Path) -> None:
    blocks = [token for token in _tokens(path) if token.type == "fence"]
    assert not [line for block in blocks for line in block.content.splitlines() if re.match(r"#{2,} |\|.*\|$", line)]


@pytest.mark.parametrize("point", faultpoints.POINTS)
def test_every_fault_point_has_a_test(point: str) -> None:
    assert any(point in path.read_text(encoding="utf-8") for path in TESTS)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_is_pinned_and_hashed(lock: str) -> None:
    blocks = re.split(r"^(?=\w)", (ROOT / "deploy" / lock).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not [block for block in blocks[1:] if "==" not in block or "--hash=sha256:" not in block]


def test_every_dependency_is_locked() -> None:
    locked = set(re.findall(r"^([\w-]+)==", (ROOT / "deploy" / LOCKS[0]).read_text(encoding="utf-8"), re.MULTILINE))
    assert {re.split(r"[^\w-]", line)[0] for line in project()["project"]["dependencies"]} <= locked


def test_the_licence_is_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
