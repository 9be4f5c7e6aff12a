"""Terminal output as HTML: what is kept, what is dropped, what can never come out."""

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.ansi import PLAIN, Style, render, restyled, style_after

RED = '<span class="f1">'


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("<b onclick='x'>&amp;</pre>", "&lt;b onclick='x'&gt;&amp;amp;&lt;/pre&gt;"),
        ("\x1b[31mred\x1b[0m and not", f"{RED}red</span> and not"),
        ("\x1b[1;31mboth\x1b[22m one\x1b[39m none", f'<span class="f1 b">both</span>{RED} one</span> none'),
        ("\x1b[m\x1b[91;44mbright\x1b[49m on", '<span class="f9 g4">bright</span><span class="f9"> on</span>'),
        ("\x1b[38;5;196mnear\x1b[m", '<span class="f9">near</span>'),
        ("\x1b[38;5;3msame\x1b[m", '<span class="f3">same</span>'),
        ("\x1b[48;5;232mgrey\x1b[m", '<span class="g0">grey</span>'),
        ("\x1b[38;2;250;250;250mtrue\x1b[m", '<span class="f15">true</span>'),
        ("\x1b[38:2::0:0:230mcolons\x1b[m", '<span class="f4">colons</span>'),
        ("\x1b[38;7mx", "x"),
        ("\x1b[38;5;999mx", "x"),
        ("\x1b[4:3mcurly\x1b[4:0m no", '<span class="u">curly</span> no'),
        ("\x1b[1;2;3;4;7;9mall", '<span class="b d i s u v">all</span>'),
        ("\x1b[>4;2mno style", "no style"),
        ("\x1b[99999999999999999999mno style", "no style"),
        ("\x9b31mone character\x9b0m", f"{RED}one character</span>"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_colours_become_classes_and_text_is_escaped(line: str, shown: str) -> None:
    assert render(line)[0] == shown


@pytest.mark.parametrize(
    "line",
    [
        "a\x1b[2Jb",
        "a\x1b[10;20Hb",
        "a\x1b[?25lb",
        "a\x1b]0;a title\x07b",
        "a\x1b]0;a title\x1b\\b",
        "a\x1b]52;c;ZXZpbA==\x07b",
        "a\x1bPq#0;2;0;0;0\x1b\\b",
        "a\x1b_application\x1b\\b",
        "a\x1b(Bb",
        "a\x1b=b",
        "ab\x1b",
        "ab\x1b[",
        "ab\x1b[31",
        "ab\x1b]8;;http://half",
        "a\x00\x01\x07\x0b\x0c\x7fb",
        "a\x84\x9f\x9cb",
    ],
)
def test_everything_else_that_a_terminal_obeys_is_dropped(line: str) -> None:
    assert render(line)[0] == "ab"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (" 10 %\r 50 %\r100 %", "100 %"),
        ("hello\rJ", "Jello"),
        ("a long line\r\x1b[Kshort", "short"),
        ("a long line\x1b[2K\rshort", "short"),
        ("a long line\x1b[2K\x1b[1Gshort", "short"),
        ("abc\b\bX", "aXc"),
        ("\b\bx", "x"),
        ("done\r", "done"),
        ("\x1b[31mred\x1b[0m\rG", f"G{RED}ed</span>"),
    ],
)
def test_a_redrawn_line_shows_its_last_state(line: str, shown: str) -> None:
    assert render(line)[0] == shown


def test_a_link_of_the_terminal_is_a_link_without_privileges() -> None:
    shown, _ = render('\x1b]8;id=1;https://example.org/?a=1&b="\x1b\\here\x1b]8;;\x1b\\ on')
    address = "https://example.org/?a=1&amp;b=&quot;"
    assert shown == f'<a class="out" href="{address}" rel="nofollow noopener noreferrer">here</a> on'


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x", " http://x"]
)
def test_other_addresses_are_no_links(address: str) -> None:
    assert render(f"\x1b]8;;{address}\x07text\x1b]8;;\x07")[0] == "text"


def test_characters_that_turn_the_direction_are_shown() -> None:
    assert render("a\u202eb\u2066c\u200f")[0] == "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200F⟩"


def test_colours_are_carried_to_the_next_line() -> None:
    _, style = render("\x1b[32mgreen begins")
    assert render("and stays", style)[0] == '<span class="f2">and stays</span>'


def test_the_style_at_a_place_is_found_without_drawing() -> None:
    assert style_after(b"x\x1b[1m\x1b[31my\x1b[Kz") == Style(fore=1, marks=frozenset("b"))


class _Reader(HTMLParser):
    """Reads tags strictly: any other tag, attribute or an end without its start fails the test."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert (tag, [name for name, _ in attrs]) in (("span", ["class"]), ("a", ["class", "href", "rel"]))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_entityref(self, name: str) -> None:
        self.text += html.unescape(f"&{name};")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def read(shown: str) -> str:
    reader = _Reader()
    reader.feed(shown)
    reader.close()
    assert not reader.open
    return reader.text


words = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u061c\u200e\u200f"), max_size=8)
sequences = st.one_of(
    st.from_regex(r"\x1b\[[0-9;:]{0,9}m", fullmatch=True),
    st.from_regex(r"\x1b\[[0-9;?<>=]{0,5}[ -/]?[A-FHJL-l]", fullmatch=True),
    st.from_regex(r"\x1b\](8;;https?://[a-z]{0,5}|[0-9;a-z]{0,9})(\x07|\x1b\\)", fullmatch=True),
    st.from_regex(r"\x1b[PX^_][a-z]{0,5}\x1b\\", fullmatch=True),
)
anything = st.text(
    st.sampled_from("ab<>&\"' \t\r\b\x00\x07\x1b\x9b\x9d\x90\\[]()0123456789;:?mKGHPX_^é\u202e"), max_size=80
)


@given(st.lists(st.tuples(words, sequences)))
def test_the_text_is_the_input_without_its_sequences(pieces: list[tuple[str, str]]) -> None:
    bare = "".join(word for word, _ in pieces)
    bare = re.sub("[\u202a-\u202e\u2066-\u2069]", lambda found: f"⟨U+{ord(found[0]):04X}⟩", bare)
    assert read(render("".join(word + sequence for word, sequence in pieces))[0]) == bare


@given(st.lists(anything))
def test_nothing_dangerous_ever_comes_out(lines: list[str]) -> None:
    style = PLAIN
    shown = ""
    for line in lines:
        html_of_line, style = render(line, style)
        read(html_of_line)
        shown += html_of_line
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e]", shown)


@given(st.text(st.sampled_from("0123456789;:"), max_size=30))
def test_no_parameters_of_a_colour_are_too_strange(params: str) -> None:
    style = restyled(PLAIN, params)
    assert -1 <= style.fore < 16
    assert -1 <= style.back < 16
