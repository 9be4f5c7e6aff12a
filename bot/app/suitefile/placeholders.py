"""`${{ matrix.NAME }}` and `${{ files:GLOB }}`: what is replaced, in some places only.

Commands and variables are not among them: no text of a stranger's change is ever pasted into a script (PRODUCT §2.7).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bot.app import globs
from bot.app.suitefile import values
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import PLACEHOLDER, Node, Text

AXIS: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")

_END: Final = "}}"
_MATRIX: Final = "matrix."
_FILES: Final = "files:"
_KNOWN: Final = "there is ${{ matrix.NAME }}, and in a cache's key ${{ files:GLOB }}"


def template(node: Node, where: str, found: Findings) -> Text | None:
    """A text in which values of the matrix may be named."""
    return _checked(node, where, found, with_files=False)


def key_template(node: Node, where: str, found: Findings) -> Text | None:
    """A text in which also digests of files may be named."""
    return _checked(node, where, found, with_files=True)


def _checked(node: Node, where: str, found: Findings, *, with_files: bool) -> Text | None:
    word = values.any_text(node, where, found)
    if word is None or word.placeholder is None:
        return word
    faults = [fault for inner in _inner(word.value) if (fault := _fault(inner, with_files=with_files))]
    for fault in faults:
        found.add("C008", word.placeholder, f"{where}: {fault}", _KNOWN)
    return None if faults else word


def _inner(value: str) -> Iterator[str | None]:
    """What stands inside the placeholders; None for one without end."""
    for piece in value.split(PLACEHOLDER)[1:]:
        inside, closed, _ = piece.partition(_END)
        yield inside.strip() if closed else None


def _fault(inner: str | None, *, with_files: bool) -> str:
    if inner is None:
        return 'a "${{" without "}}"'
    if inner.startswith(_MATRIX) and AXIS.fullmatch(inner.removeprefix(_MATRIX)):
        return ""
    if inner.startswith(_FILES):
        if not with_files:
            return '"${{ files:… }}" is for the key of a cache only'
        glob = inner.removeprefix(_FILES).strip()
        why = globs.path_fault(glob)
        return f"{quoted(glob)}: {why}" if why else ""
    return f'{quoted(inner)} can\'t stand in "${{{{ }}}}"'


def axes(value: str) -> tuple[str, ...]:
    """The names of the matrix that a checked template needs."""
    inside = [inner for inner in _inner(value) if inner is not None]
    return tuple(inner.removeprefix(_MATRIX) for inner in inside if inner.startswith(_MATRIX))


def fill(value: str, cell: Mapping[str, str]) -> str:
    """With the cell's values; placeholders of files stay.

    Raises:
        KeyError: with the name that the cell does not have.
    """
    return _replaced(value, _MATRIX, cell.__getitem__)


def fill_files(key: str, digest: Callable[[str], str]) -> str:
    """A cache's key with the digest of each glob's files."""
    return _replaced(key, _FILES, digest)


def _replaced(value: str, prefix: str, replace: Callable[[str], str]) -> str:
    first, *pieces = value.split(PLACEHOLDER)
    parts = [first]
    for piece in pieces:
        inside, _, rest = piece.partition(_END)
        inner = inside.strip()
        is_ours = inner.startswith(prefix)
        parts.append(replace(inner.removeprefix(prefix).strip()) if is_ours else f"{PLACEHOLDER}{inside}{_END}")
        parts.append(rest)
    return "".join(parts)
