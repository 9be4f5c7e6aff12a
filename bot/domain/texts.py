"""Words for people: durations, code spans and fences that hostile text cannot leave, plain text from a terminal's."""

import re
from datetime import datetime
from typing import Final

_ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|[PX^_][^\x1b]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|[ -/]*[0-~]?)"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_MINUTE: Final = 60
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~@&])")


def duration(seconds: float) -> str:
    """`0.4s`, `12s`, `1m 48s`, `2h 05m`."""
    if seconds < 1:
        return f"{max(seconds, 0):.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def roughly(seconds: float) -> str:
    """Of what nobody knows exactly: `under a minute`, `3 min`, `1 h 20 min`."""
    if seconds < _MINUTE:
        return "under a minute"
    hours, minutes = divmod(round(seconds / _MINUTE), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"


def limit_words(seconds: int) -> str:
    """A setting as it is written in the suite file: `30m`, `1h30m`, `90s` becomes `1m30s`."""
    parts = []
    for size, unit in ((3600, "h"), (60, "m"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def size(count: int) -> str:
    """Bytes as `512 MiB`."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:  # noqa: PLR2004  # the step between the units
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} GiB"


def counted(count: int, word: str) -> str:
    """`1 test`, `2 tests`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def between(start: datetime | None, end: datetime | None) -> float:
    """Seconds; 0 when either is missing."""
    return (end - start).total_seconds() if start and end else 0.0


def plain(text: str) -> str:
    """Terminal output as text: no escape sequences, the last state of lines redrawn by CR, no control characters."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub("", "\n".join(lines))


def last_lines(text: str, count: int = 20, width: int = 1000) -> str:
    lines = plain(text).rstrip("\n").split("\n")[-count:]
    return "\n".join(cut(line, width) for line in lines)


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def one_line(text: str, length: int) -> str:
    return cut(" ".join(plain(text).split()), length)


def code(text: str) -> str:
    """A code span that ends where it should (CommonMark §6.1)."""
    text = " ".join(plain(text).split())
    ticks = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str) -> str:
    """A fenced block, longer than any run of backticks inside it."""
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}\n{text}\n{ticks}"


def escaped(text: str) -> str:
    """Untrusted words inside a sentence or a table cell; nobody is mentioned and no markup starts."""
    return _SPECIAL.sub(r"\\\1", " ".join(plain(text).split())).replace("\\@", "@\u200b")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
