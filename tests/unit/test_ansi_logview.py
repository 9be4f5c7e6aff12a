"""A log as lines of HTML, however it is cut into pieces and however large it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.runs import Group
from bot.web.ansi import PLAIN
from bot.web.logview import LINE, Fold, Gap, LogView, Part, ShownLog, view_at


def shown(view: LogView, *pieces: bytes) -> str:
    return "".join("".join(view.feed(piece)) for piece in pieces) + view.rest()


def text(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


def page(data: bytes, step: int = 1 << 30) -> tuple[list[str], list[Gap], LogView]:
    """What a page shows; the store gives at most `step` bytes at once."""
    log = ShownLog(lambda start, limit: data[start : start + min(limit, step)], len(data))
    parts = list(log.parts())
    return [one for one in parts if isinstance(one, str)], [one for one in parts if isinstance(one, Gap)], log.view


def test_lines_have_numbers_that_can_be_linked_and_are_no_text() -> None:
    assert shown(LogView(), b"a\n\nb") == (
        '<a id="L1" href="#L1" data-n="1" aria-label="1"></a>a\n'
        '<a id="L2" href="#L2" data-n="2" aria-label="2"></a>\n'
        '<a id="L3" href="#L3" data-n="3" aria-label="3"></a>b\n'
    )


@given(st.binary(max_size=300), st.integers(1, 20))
def test_pieces_of_any_size_give_the_same_lines(data: bytes, step: int) -> None:
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    assert shown(LogView(), *pieces) == shown(LogView(), data)


@given(st.lists(st.text(st.sampled_from("ab\x1b[31m\r"), max_size=9)), st.data())
def test_reading_can_be_taken_up_at_the_offset(lines: list[str], draw: st.DataObject) -> None:
    data = "\n".join(lines).encode()
    first = LogView()
    cut = draw.draw(st.integers(0, len(data)))
    begin = "".join(first.feed(data[:cut]))
    second = view_at(lambda start, limit: data[start : start + limit], first.offset)
    assert begin + shown(second, data[first.offset :]) == shown(LogView(), data)


def test_colours_go_on_over_lines_and_pieces() -> None:
    assert shown(LogView(), b"\x1b[3", b"1mred\nstill").count('class="f1"') == 2


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"caf\xc3\xa9\n", "café\n"),
        (b"\xff\xfe bad\n", "�� bad\n"),
        (b"dos\r\nlines\r\n", "dos\nlines\n"),
        (b"50%\r100%\r\n", "100%\n"),
        (b"nul\x00 bell\x07\n", "nul bell\n"),
        (b"\x9b31m raw\n", "�31m raw\n"),
        (b"</pre><script>\n", "&lt;/pre&gt;&lt;script&gt;\n"),
    ],
)
def test_what_people_read(data: bytes, seen: str) -> None:
    assert text(shown(LogView(), data)) == seen


def test_an_endless_line_is_cut_with_a_mark_and_the_next_is_shown() -> None:
    html = shown(LogView(), *[b"x" * 100_000] * 30, b"\nafter\n")
    assert len(html) < LINE + 300
    assert "2.799 MiB of this line left out" in html
    assert html.endswith("after\n")


def test_a_progress_bar_of_a_megabyte_shows_its_last_state() -> None:
    bar = b"".join(b"\r%6d of 100000" % number for number in range(100_000))
    assert text(shown(LogView(), bar + b"\n")) == " 99999 of 100000\n"


@pytest.mark.parametrize("step", [1 << 30, 1000])
def test_a_long_log_is_its_beginning_a_gap_and_its_end(step: int) -> None:
    data = b"".join(b"line %d\n" % number for number in range(1, 60_001))
    blocks, gaps, view = page(data, step)
    assert text(blocks[0]).endswith("line 1000\n")
    assert text(blocks[1]).startswith("line 40001\n")
    assert text(blocks[-1]).endswith("line 60000\n")
    assert 'id="L40001"' in blocks[1]
    assert [gap.lines for gap in gaps] == [39_000]
    assert (view.offset, view.number) == (len(data), 60_001)


def test_a_log_below_the_limits_is_whole_in_blocks_of_a_thousand() -> None:
    blocks, gaps, _ = page(b"x\n" * 2500)
    assert [block.count("\n") for block in blocks] == [1000, 1000, 500]
    assert not gaps


def test_few_but_wide_lines_are_left_out_by_their_size() -> None:
    data = b"".join(b"%05d" % number + b"w" * 10_000 + b"\n" for number in range(2_000))
    blocks, gaps, _ = page(data)
    assert sum(map(len, blocks)) < 9_500_000
    assert gaps[0].lines > 1000
    assert text(blocks[-1]).rstrip().endswith("w")


def test_one_line_of_many_megabytes_makes_a_small_page() -> None:
    blocks, gaps, view = page(b"x" * 20_000_000)
    assert sum(map(len, blocks)) + len(view.rest()) < 1_000_000
    assert gaps[0].bytes > 10_000_000


def test_the_end_of_a_cut_log_keeps_the_colour_it_has() -> None:
    data = b"x\n" * 39_990 + b"\x1b[32m" + b"green\n" * 20_100
    blocks, _, _ = page(data)
    assert '<span class="f2">green</span>' in blocks[1].splitlines()[0]


def test_an_empty_log_has_no_lines() -> None:
    blocks, gaps, view = page(b"")
    assert (blocks, gaps, view.rest(), view.number) == ([], [], "", 1)
    assert view.offset == len(PLAIN.marks)


def folded(data: bytes, *groups: Group) -> list[str]:
    """The texts of a page, with a word where groups begin and end."""
    log = ShownLog(lambda start, limit: data[start : start + limit], len(data), groups)
    return [_seen(part) for part in log.parts()]


def _seen(part: Part) -> str:
    if isinstance(part, str):
        return text(part)
    return f"{part.kind}{part.group.number}" if isinstance(part, Fold) else part.kind


def test_groups_fold_the_lines_they_have() -> None:
    first, second = Group(number=1, offset=2), Group(number=2, offset=4)
    assert folded(b"a\nb\nc\n", first, second) == ["a\n", "fold1", "b\n", "unfold", "fold2", "c\n", "unfold"]


def test_the_last_group_alone_is_open() -> None:
    groups = [Group(number=1, offset=0), Group(number=2, offset=0)]
    folds = [one for one in ShownLog(lambda _, __: b"", 0, groups).parts() if isinstance(one, Fold)]
    assert [one.is_last for one in folds] == [False, True]


def test_groups_of_a_gap_follow_it() -> None:
    data = b"x\n" * 60_000
    parts = folded(data, Group(number=1, offset=0), Group(number=2, offset=20_000), Group(number=3, offset=119_000))
    assert [one for one in parts if not one.startswith("x")] == [
        "fold1", "gap", "unfold", "fold2", "unfold", "fold3", "unfold",
    ]  # fmt: skip


@given(st.binary(max_size=99), st.lists(st.integers(0, 120), max_size=5))
def test_groups_change_no_line(data: bytes, offsets: list[int]) -> None:
    groups = [Group(number=number, offset=at) for number, at in enumerate(sorted(offsets), 1)]
    log = ShownLog(lambda start, limit: data[start : start + limit], len(data), groups)
    lines = "".join(part for part in log.parts() if isinstance(part, str))
    assert lines + log.view.rest() == shown(LogView(), data)
