"""Secrets in a log: where they stand, also encoded, and three stars in their place (RELIABILITY S096, S097).

What can't be masked: a value that the job itself reverses, splits, encrypts or spells in another way. Masking keeps
accidents small; it is no boundary against somebody who wants to leak.
"""

import json
import re
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST: Final = 8
"""Nothing shorter is masked: it would hide pieces of ordinary words, and tell what the secret is."""
MASK: Final = b"***"
_FOLD: Final = 76
"""Longer patterns are looked for in pieces of this size, at which `base64` ends its lines."""
_OPENSSL_FOLD: Final = 64
_FEW: Final = 8
"""So many words are tried one after the other; measured."""
_AROUND: Final = " \t\"',;"
"""Stripped from lines of a secret: the punctuation of JSON and the like."""


class Masker:
    """Masks a stream, however it is cut into chunks; holds back only what may be the start of a secret."""

    def __init__(self, values: Iterable[str]) -> None:
        """Values shorter than `SHORTEST` are ignored."""
        patterns = {piece for value in values for form in _forms(value) for piece in _pieces(form)}
        self._sorted = sorted(patterns)
        self._longest = max(map(len, patterns), default=1)
        self._by_head: dict[bytes, list[bytes]] = {}
        for pattern in sorted(patterns, key=len, reverse=True):
            self._by_head.setdefault(pattern[:SHORTEST], []).append(pattern)
        self._heads = re.compile(_any_of(sorted(self._by_head))) if patterns else None
        self._held = b""
        self._masked = -1
        """Where the last masked stretch ends, counted from the start of `_held`; negative: before it."""

    def feed(self, chunk: bytes) -> bytes:
        """What of the stream can be shown by now."""
        if self._heads is None:
            return chunk
        data = self._held + chunk
        return self._put(data, self._undecided(data))

    def flush(self) -> bytes:
        """What was held back; the stream is at its end."""
        return self._put(self._held, len(self._held))

    def _undecided(self, data: bytes) -> int:
        """The first place where a secret may begin whose end isn't there yet."""
        for start in range(max(len(data) - self._longest + 1, 0), len(data)):
            if self._may_begin(data[start:]):
                return start
        return len(data)

    def _may_begin(self, end: bytes) -> bool:
        at = bisect_left(self._sorted, end)
        at += at < len(self._sorted) and self._sorted[at] == end
        return at < len(self._sorted) and self._sorted[at].startswith(end)

    def _put(self, data: bytes, until: int) -> bytes:
        """Overlapping and touching secrets become one mask, so no rest of the second one stays."""
        shown, done = bytearray(), max(self._masked, 0)
        for start, end in self._found(data, until):
            if start > self._masked:
                shown += data[done:start] + MASK
            self._masked = done = max(end, self._masked)
        shown += data[done:until]
        self._held = data[until:]
        self._masked = max(self._masked - until, -1)
        return bytes(shown)

    def _found(self, data: bytes, until: int) -> Iterator[tuple[int, int]]:
        """Every place before `until` where a secret begins, and where the longest of those ends."""
        if self._heads is None:
            return
        at = 0
        while (head := self._heads.search(data, at, until + SHORTEST - 1)) is not None:
            at = head.start() + 1
            for pattern in self._by_head[head[0]]:
                if data.startswith(pattern, head.start()):
                    yield head.start(), head.start() + len(pattern)
                    break


def masked(values: Iterable[str], text: str) -> str:
    """A whole text at once."""
    masker = Masker(values)
    return (masker.feed(text.encode(errors="surrogatepass")) + masker.flush()).decode(errors="surrogatepass")


def lines_of(value: str) -> set[str]:
    """The parts of a value that are masked on their own: its lines, without what stands around them."""
    lines = re.split(r"[\r\n]+", value)
    return {line.strip(around) for line in lines for around in (" \t", _AROUND)}


def _any_of(ends: list[bytes]) -> bytes:
    """A regular expression for many words of one length, as a tree: most places of a text are passed over at once."""
    if len(ends) <= _FEW:
        return b"(?:" + b"|".join(map(re.escape, ends)) + b")"
    groups: dict[bytes, list[bytes]] = {}
    for end in ends:
        groups.setdefault(end[:1], []).append(end[1:])
    return b"(?:" + b"|".join(re.escape(first) + _any_of(rest) for first, rest in groups.items()) + b")"


def _pieces(form: bytes) -> Iterator[bytes]:
    """The whole form when it's short, else pieces that cover it together."""
    for start in range(0, len(form), _FOLD):
        piece = form[start : start + _FOLD]
        if len(piece) >= SHORTEST:
            yield piece
        elif start:
            yield form[-_FOLD:]


def _forms(value: str) -> Iterator[bytes]:
    """The value, its lines, and each as programs write it."""
    for text in {value, value.strip(), *lines_of(value)}:
        if len(text) >= SHORTEST:
            raw = text.encode(errors="surrogatepass")
            yield raw
            yield raw.hex().encode()
            yield raw.hex().upper().encode()
            yield from _base64(raw)
            yield from (form.encode(errors="surrogatepass") for form in _spellings(text, raw))


def _base64(raw: bytes) -> Iterator[bytes]:
    """At each of the three places in a group where the value may begin, whatever stands before and behind it."""
    encoded = [b64encode(raw), b64encode(raw + b"\n")]
    for before in range(3):
        bits = 8 * (before + len(raw))
        encoded.append(b64encode(bytes(before) + raw)[(8 * before + 5) // 6 : bits // 6])
    encoded += [encoded[0][at : at + _OPENSSL_FOLD] for at in range(0, len(encoded[0]), _OPENSSL_FOLD)]
    for form in encoded:
        yield form
        yield form.translate(bytes.maketrans(b"+/", b"-_"))


def _spellings(text: str, raw: bytes) -> Iterator[str]:
    yield from _in_addresses(raw)
    yield from _in_json(text)
    yield from _in_markup(text)
    yield from _in_shells(text)
    yield repr(text)[1:-1]


def _in_addresses(raw: bytes) -> Iterator[str]:
    for encoded in (quote(raw, ""), quote(raw, "/"), quote(raw, "!'()*"), quote_plus(raw)):
        yield encoded
        yield re.sub("%..", lambda code: code[0].lower(), encoded)


def _in_json(text: str) -> Iterator[str]:
    """As most programs write it; as PHP does; as Go does, safe for HTML."""
    for ascii_only in (True, False):
        plain = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield plain
        yield plain.replace("/", "\\/")
        yield re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", plain)


def _in_markup(text: str) -> Iterator[str]:
    plain = escape(text, quote=False)
    yield plain
    yield plain.replace('"', "&quot;")
    yield escape(text)
    yield plain.replace('"', "&quot;").replace("'", "&#39;")
    yield plain.replace('"', "&#34;").replace("'", "&#39;")
    yield plain.replace('"', "&quot;").replace("'", "&apos;")


def _in_shells(text: str) -> Iterator[str]:
    """Inside single quotes in both ways, inside double quotes, and without quotes."""
    yield text.replace("'", "'\\''")
    yield text.replace("'", "'\"'\"'")
    yield re.sub(r'[\\"$`]', r"\\\g<0>", text)
    yield re.sub(r"[^\w@%+=:,./-]", r"\\\g<0>", text)
