"""Secrets never come through a masked stream, however it is cut and however they are spelled."""

import base64
import html
import json
import re
import shlex
import string
import urllib.parse
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.masking import Masker, masked

SECRET: Final = "s3cr/t+\"va<lu>e'& $x`é"
PEM: Final = "-----BEGIN KEY-----\nMIIBVgIBADANBgkq\nhkiG9w0BAQEFAASC\nabc\n-----END KEY-----\n"
LONG: Final = "".join(f"{number:04x}" for number in range(500))

SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 with a line's end": lambda text: base64.b64encode(f"{text}\n".encode()).decode(),
    "base64 behind one byte": lambda text: base64.b64encode(f"u{text}:".encode()).decode(),
    "base64 behind two bytes": lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
    "base64 behind three bytes": lambda text: base64.b64encode(f"me:{text}x".encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(f"é{text}".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "in a query": urllib.parse.quote_plus,
    "in a path": urllib.parse.quote,
    "in an address": lambda text: urllib.parse.quote(text, safe=""),
    "in JavaScript's address": lambda text: urllib.parse.quote(text, safe="!'()*"),
    "in an address, small": lambda text: "".join(
        chr(one) if bytes([one]).isalnum() else f"%{one:02x}" for one in text.encode()
    ),
    "JSON": json.dumps,
    "JSON with its own letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON for HTML": lambda text: (
        json.dumps(text, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    ),
    "HTML": html.escape,
    "XML": lambda text: html.escape(text, quote=False),
    "XML attribute": lambda text: html.escape(text, quote=False).replace('"', "&quot;").replace("'", "&apos;"),
    "shell": shlex.quote,
    "shell as set -x": lambda text: "'" + text.replace("'", "'\\''") + "'",
    "shell without quotes": lambda text: "".join(
        one if one.isalnum() or one in "@%+=:,./-_" else f"\\{one}" for one in text
    ),
    "in a Python traceback": repr,
}

words = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=8, max_size=40).filter(
    lambda text: len(text.strip(" \t\"',;")) >= 8
)
tight = st.text("ab", min_size=8, max_size=12)
"""Of two letters only, so that secrets overlap, repeat and almost begin everywhere."""


def whole(values: list[str], data: bytes) -> bytes:
    masker = Masker(values)
    return masker.feed(data) + masker.flush()


def in_pieces(values: list[str], data: bytes, cuts: list[int]) -> bytes:
    masker = Masker(values)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return b"".join(masker.feed(data[start:end]) for start, end in pairwise(places)) + masker.flush()


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("value", [SECRET, "hunter2hunter2", "12345678", LONG])
def test_a_secret_is_masked_however_programs_spell_it(value: str, spelling: Callable[[str], str]) -> None:
    text = spelling(value)
    shown = masked([value], f"before {text} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    rest = shown.removeprefix("before ").removesuffix(" after").replace("***", "")
    assert len(rest) <= 8
    assert not any(text[at : at + 8] in shown for at in range(len(text) - 7))


@given(values=st.lists(tight, max_size=4), text=st.text("abc", max_size=80), cuts=st.lists(st.integers(0, 80)))
def test_it_does_not_matter_where_the_stream_is_cut(values: list[str], text: str, cuts: list[int]) -> None:
    assert in_pieces(values, text.encode(), cuts) == whole(values, text.encode())


@given(values=st.lists(words, max_size=3), data=st.data())
def test_no_secret_comes_through_in_any_surroundings(values: list[str], data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.one_of(st.sampled_from(values), st.text(max_size=10)) if values else st.text()))
    cuts = data.draw(st.lists(st.integers(0, 100)))
    shown = in_pieces(values, "".join(parts).encode(errors="surrogatepass"), cuts)
    assert not [value for value in values if value.encode() in shown]


@given(values=st.lists(st.text("ab", min_size=8, max_size=76), max_size=3), text=st.text("ab", max_size=200))
def test_every_byte_of_every_occurrence_is_masked_and_nothing_else(values: list[str], text: str) -> None:
    hidden = {
        place
        for value in values
        for start in range(len(text))
        if text.startswith(value, start)
        for place in range(start, start + len(value))
    }
    shown = "".join(one if place not in hidden else "\0" for place, one in enumerate(text))
    assert whole(values, text.encode()).decode() == re.sub("\0+", "***", shown)


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300)))
def test_bytes_without_a_secret_are_not_touched(data: bytes, cuts: list[int]) -> None:
    assert in_pieces(["correct horse battery"], data, cuts) == data
    assert in_pieces([], data, cuts) == data


@pytest.mark.parametrize("value", ["", "1", "true", "1234567", "a\nbcd\n1234567", "{\n}\n", " { },\n\t[1, 2],\n"])
def test_short_values_and_short_lines_hide_nothing(value: str) -> None:
    text = "1 true 1234567 { } a bcd [1, 2] \n\n  }"
    assert masked([value], text) == text


@pytest.mark.parametrize("value", ["a.*b(c[d", "[a-z]{8,}", "\\d+\\d+\\d+", "(?i)secret"])
def test_a_secret_is_no_pattern(value: str) -> None:
    assert masked([value], f"axxb abcdefgh 12345678 SECRET {value}") == "axxb abcdefgh 12345678 SECRET ***"


def test_each_long_line_of_a_secret_of_many_lines_is_masked_and_short_ones_are_not() -> None:
    shown = masked([PEM], "1: MIIBVgIBADANBgkq\n2: abc\r\n3: hkiG9w0BAQEFAASC\r\n")
    assert shown == "1: ***\n2: abc\r\n3: ***\r\n"
    assert "MIIBV" not in masked([PEM], json.dumps({"key": PEM}))


def test_a_value_is_masked_without_the_quotes_and_commas_that_its_file_has_around_it() -> None:
    value = '{\n  "bar-secret-value",\n  "another-one-here"\n}'
    assert masked([value], "got bar-secret-value and another-one-here") == "got *** and ***"


def test_a_value_is_masked_without_the_line_end_that_it_was_stored_with() -> None:
    assert masked(["tr41l-secret\n"], "value=tr41l-secret;") == "value=***;"


@pytest.mark.parametrize("width", [76, 64])
def test_base64_in_lines_is_masked_line_by_line(width: int) -> None:
    encoded = base64.b64encode(LONG.encode()).decode()
    lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
    assert set(masked([LONG], "\n".join(lines)).split("\n")) == {"***"}


@pytest.mark.parametrize(
    ("values", "text", "shown"),
    [
        (["password", "password-of-root"], "password-of-root password-of", "*** ***-of"),
        (["abcdefgh12", "gh12345678"], "<abcdefgh12345678>", "<***>"),
        (["aaaaaaaa"], "aaaaaaaaaaa b", "*** b"),
        (["aaaaaaaa"], "aaaaaaa b", "aaaaaaa b"),
        (["firstone", "secondone"], "firstonesecondone", "***"),
    ],
)
def test_of_secrets_that_overlap_no_rest_stays(values: list[str], text: str, shown: str) -> None:
    assert masked(values, text) == shown


def test_only_what_may_begin_a_secret_is_held_back() -> None:
    masker = Masker(["hunter2hunter2"])
    assert masker.feed(b"Downloading 3 files ...") == b"Downloading 3 files ..."
    assert masker.feed(b" token=hunter2hun") == b" token="
    assert masker.feed(b"ter2 and hunt") == b"*** and "
    assert masker.feed(b"ing") == b"hunting"
    assert masker.feed(b"hunter2") == b""
    assert masker.flush() == b"hunter2"


@given(st.binary(max_size=2000))
def test_no_more_is_held_back_than_the_longest_pattern(data: bytes) -> None:
    masker = Masker([LONG])
    assert len(masker.feed(LONG.encode()[:5] + data)) >= len(masker.flush()) - 75


def test_bytes_that_are_no_text_pass() -> None:
    assert whole(["hunter2hunter2"], b"\xff\x00hunter2hunter2\xfe") == b"\xff\x00***\xfe"


def test_what_is_reversed_or_split_is_not_found_as_documented() -> None:
    assert masked(["hunter2hunter2"], "2retnuh2retnuh hunter2\nhunter2") == "2retnuh2retnuh hunter2\nhunter2"


def test_the_spellings_cover_all_printable_characters() -> None:
    value = string.printable.strip()
    texts = [spelling(value) for spelling in SPELLINGS.values()]
    assert not [text for text in texts if text[40:60] in masked([value], text)]
