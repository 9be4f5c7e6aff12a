"""Commands of a list become groups of the log, whatever else is printed."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.grouping import Mark, Marks
from bot.app.jobs import script
from bot.app.output import Output
from bot.domain.runs import Group
from tests.builders import a_suite

WORD = "w0rd"
SHELLS = [words for words in (["/bin/sh"], ["bash"], ["busybox", "sh"]) if shutil.which(words[0])]


class Log:
    """An output and what became of it; each look at the clock is a second later."""

    def __init__(self, count: int, limit: int = 1 << 20, secrets: tuple[str, ...] = ()) -> None:
        self.text = b""
        self._clock = 0.0
        self.output = Output(self._put, self._now, limit=limit)
        self.output.expect(secrets, Marks(WORD, count))

    def _put(self, data: bytes) -> None:
        self.text += data

    def _now(self) -> float:
        self._clock += 1
        return self._clock


def mark(number: int, code: int = 0) -> bytes:
    return f"\x1e{WORD}:{number}:{code}\n".encode()


def printed_by(shell: list[str], *commands: str) -> tuple[bytes, int]:
    text = script(a_suite(commands=commands, is_script=False), WORD)
    done = subprocess.run([*shell, "-eu", "-c", text], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # noqa: S603 - our own words
    return done.stdout, done.returncode


@pytest.mark.parametrize("shell", SHELLS, ids=lambda words: words[0])
def test_a_shell_marks_each_command_and_how_the_one_before_exited(shell: list[str]) -> None:
    log = Log(3)
    printed, code = printed_by(shell, "set +e; cd /", "printf no-newline; (exit 4)", "pwd; exit 7")
    log.output.write(printed)
    log.output.end(code)
    lines = log.text.replace(b"\x1b[1m", b"").replace(b"\x1b[0m", b"").decode().split("\n")
    assert lines == [
        "$ set +e; cd /",
        "$ printf no-newline; (exit 4)",
        "no-newline",
        "$ pwd; exit 7",
        "/",
        "",
    ]
    assert [(one.number, one.code) for one in log.output.groups] == [(1, 0), (2, 4), (3, 7)]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda words: words[0])
def test_marks_are_no_part_of_a_trace(shell: list[str]) -> None:
    printed, _ = printed_by(shell, "set -x", "true")
    log = Log(2)
    log.output.write(printed)
    assert (b"assay" in log.text, WORD.encode() in log.text, len(log.output.groups)) == (False, False, 2)


def test_a_group_begins_at_a_line_and_ends_where_the_next_begins() -> None:
    log = Log(2)
    log.output.write(mark(1) + b"one\nhalf" + mark(2) + b"two\n")
    assert log.text == b"one\nhalf\ntwo\n"
    log.output.end(3)
    first, second = log.output.groups
    assert (first.offset, second.offset) == (0, len(b"one\nhalf\n"))
    assert (first.code, second.code) == (0, 3)
    assert first.seconds
    assert second.seconds


@given(
    st.lists(st.sampled_from([b"a", b"\n", b"\x1e", b"\x1ew0rd", b":1:0\n", mark(1), mark(2), mark(9), b"\xff"])),
    st.integers(1, 9),
)
def test_the_log_is_the_same_however_it_is_cut(pieces: list[bytes], step: int) -> None:
    data = b"".join(pieces)
    whole, cut = Log(2), Log(2)
    whole.output.write(data)
    for at in range(0, len(data), step):
        cut.output.write(data[at : at + step])
    for log in (whole, cut):
        log.output.end(0)
    assert whole.text == cut.text
    assert [(one.number, one.offset) for one in whole.output.groups] == [
        (one.number, one.offset) for one in cut.output.groups
    ]


@given(st.lists(st.one_of(st.binary(max_size=9), st.tuples(st.integers(0, 12), st.integers(0, 300)))))
def test_forged_marks_only_count_upwards_and_stay_within_the_commands(pieces: list[bytes | tuple[int, int]]) -> None:
    log = Log(3)
    for piece in pieces:
        log.output.write(piece if isinstance(piece, bytes) else mark(*piece))
    log.output.end(0)
    numbers = [one.number for one in log.output.groups]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= {1, 2, 3}
    for one in log.output.groups:
        assert one.offset == 0 or log.text[one.offset - 1 : one.offset] == b"\n"


@given(st.binary(max_size=60))
def test_without_the_word_every_byte_stays(data: bytes) -> None:
    log = Log(3)
    for at in range(len(data)):
        log.output.write(data[at : at + 1])
    log.output.end()
    assert (log.text, log.output.groups) == (data, ())


def test_what_looks_like_a_mark_is_not_held_back_for_ever() -> None:
    marks = Marks(WORD, 2)
    held = list(marks.feed(b"a\x1ew0rd"))
    assert held == [b"a"]
    assert b"".join(one for one in marks.feed(b"b" * 500) if isinstance(one, bytes)) == b"\x1ew0rd" + b"b" * 500
    assert list(marks.feed(mark(2, 7))) == [b"", Mark(2, 7), b""]


def test_secrets_stay_masked_between_marks() -> None:
    log = Log(2, secrets=("correct-horse",))
    log.output.write(mark(1) + b"correct-" + b"horse " + mark(2) + b"correct-horse\n")
    log.output.end(0)
    assert log.text == b"*** \n***\n"


def test_after_the_limit_nothing_begins() -> None:
    log = Log(2, limit=10)
    assert not log.output.write(mark(1) + b"x" * 50 + mark(2) + b"more\n")
    log.output.end(None)
    assert log.output.groups == (Group(number=1, offset=0, seconds=1.0),)
    assert b"more" not in log.text
