"""Words for people: durations, sizes, plain text, and Markdown that hostile text cannot leave."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import texts


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0s"), (0.44, "0.4s"), (-3, "0.0s"), (12.4, "12s"), (59.6, "1m 00s"), (108, "1m 48s"), (7500, "2h 05m")],
)
def test_durations_are_short(seconds: float, words: str) -> None:
    assert texts.duration(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(1800, "30m"), (5400, "1h30m"), (90, "1m30s"), (5, "5s"), (0, "0s")])
def test_limits_are_written_as_in_the_suite_file(seconds: int, words: str) -> None:
    assert texts.limit_words(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (5, "5 bytes"),
        (2048, "2 KiB"),
        (64 << 20, "64 MiB"),
        (2 << 30, "2 GiB"),
        (1536, "1.5 KiB"),
        (3 << 40, "3072 GiB"),
    ],
)
def test_sizes_have_the_fitting_unit(count: int, words: str) -> None:
    assert texts.size(count) == words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\x1b[1;31mred\x1b[0m text", "red text"),
        ("10%\r50%\r100%\nnext", "100%\nnext"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("\x1b]0;a title\x07after", "after"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("tab\there", "tab\there"),
        ("bell\x07 nul\x00 del\x7f", "bell nul del"),
        ("right\u202eleft", "rightleft"),
        ("cut off \x1b[3", "cut off 3"),
    ],
)
def test_terminal_output_becomes_plain_text(raw: str, text: str) -> None:
    assert texts.plain(raw) == text


def test_the_last_lines_are_the_last_ones_whole() -> None:
    output = "".join(f"row {number}\n" for number in range(100))
    assert texts.last_lines(output, 3) == "row 97\nrow 98\nrow 99"


def test_a_last_line_without_newline_is_kept() -> None:
    assert texts.last_lines("one\ntwo", 5) == "one\ntwo"


@given(st.text())
def test_a_code_span_holds_its_text_and_ends_at_its_end(text: str) -> None:
    span = texts.code(text)
    ticks = re.match("`+", span)
    assert ticks
    inner = span[ticks.end() : -ticks.end()]
    assert ticks.group() not in re.findall("`+", inner)
    assert "\n" not in span


@given(st.text())
def test_a_fence_is_longer_than_anything_inside(text: str) -> None:
    block = texts.fence(text)
    first = block.split("\n", 1)[0]
    assert set(first) == {"`"}
    assert first not in text or text == ""


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("@everyone look", "@\u200beveryone look"),
        ("a|b", "a\\|b"),
        ("<script>", "\\<script\\>"),
        ("![x](http://y)", "\\!\\[x\\]\\(http://y\\)"),
        ("two\nlines", "two lines"),
    ],
)
def test_untrusted_words_start_no_markup_and_call_nobody(raw: str, shown: str) -> None:
    assert texts.escaped(raw) == shown


@given(st.text())
def test_plain_text_has_no_control_characters(raw: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", texts.plain(raw))
