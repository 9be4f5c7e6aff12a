"""The guide says what the loader does: its keys, its marks, its codes and its examples."""

import re
from pathlib import Path

import pytest

from bot.app.foreseeing import CAUSES, Branch, foresee
from bot.app.suitefile import LATER, MEANINGS, keys, parse
from bot.domain.suites import Occasion

GUIDE = (Path(__file__).parents[2] / "docs" / "suite-file.md").read_text("utf-8")
SOURCES = sorted((Path(__file__).parents[2] / "bot" / "app" / "suitefile").glob("*.py"))


def test_the_guide_marks_exactly_the_keys_that_come_later() -> None:
    assert set(re.findall(r"^\| `([a-z_.]+)` ⏳ \|", GUIDE, re.MULTILINE)) == LATER


def test_the_guide_has_a_line_for_every_key() -> None:
    known = {f"{part.section}.{name}" for part in keys.ALL for name in part.names}
    events = {f"when.events.{one}" for one in Occasion}
    assert set(re.findall(r"^\| `([a-z_]+\.[a-z_.]+)`(?: ⏳)? \|", GUIDE, re.MULTILINE)) == known | events


def test_the_guide_explains_every_code() -> None:
    written = {code for source in SOURCES for code in re.findall(r'"([CW]\d{3})"', source.read_text("utf-8"))}
    assert set(re.findall(r"^\| ([CW]\d{3}) \|", GUIDE, re.MULTILINE)) == written


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL))
def test_the_examples_of_the_guide_are_right_and_without_warnings(text: str) -> None:
    file = parse("f", text.encode(), later=frozenset())
    assert file.warnings == ()


@pytest.mark.parametrize("occasion", CAUSES)
@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL))
def test_the_examples_of_the_guide_can_be_planned(text: str, occasion: Occasion) -> None:
    branch = Branch(commit="1" * 40, name="main", message="", base="main")
    found, _ = foresee(parse("f", text.encode()), occasion, branch, lambda: None)

    assert all(one.runs != bool(one.why) for one in found)
    if occasion is Occasion.PUSH:
        assert any(one.runs for one in found)


def test_the_command_explains_in_the_words_of_the_guide() -> None:
    rows = dict(re.findall(r"^\| ([CW]\d{3}) \| (.*) \|$", GUIDE, re.MULTILINE))
    assert {code: meaning.short for code, meaning in MEANINGS.items()} == rows


def test_the_suite_file_of_this_repository_is_right_and_without_warnings() -> None:
    file = parse(".assay.yml", (Path(__file__).parents[2] / ".assay.yml").read_bytes())
    assert file.warnings == ()
