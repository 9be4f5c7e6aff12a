"""Which file and line of the commit a failure or a finding belongs to; whatever is no file of it has none."""

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Final
from urllib.parse import unquote

from bot.domain.checks import Annotation
from bot.domain.results import Case

_PLACE: Final = re.compile(
    r"""File "([^"\n]{1,400})", line (\d{1,7})|([\w./\\+@-]{1,400}\.[A-Za-z]\w{0,9}):(\d{1,7})"""
)
_LOOKED_AT: Final = 300
"""Places in one text, from its end."""
_JVM: Final = (".java", ".kt", ".groovy", ".scala")
_LONGEST: Final = 1000


class Places:
    """The files of a commit. `workdir`: the folder that the suite ran in; `root`: where the sources were for it."""

    def __init__(self, files: frozenset[str], workdir: str, root: str) -> None:
        self._files = files
        self._workdir = workdir.strip("/")
        self._root = root.rstrip("/") + "/"

    def of_case(self, case: Case) -> tuple[str, int]:
        """The test's own file and the last line of it that its text names; ("", 0) when none is known."""
        hint = case.name.partition("::")[0]
        told = [(path, line) for path, line in self._told(case.details or case.message, hint) if path]
        own = self.find(case.file, hint) if case.file else self._by_class(hint)
        if own:
            return own, next((line for path, line in told if path == own), case.line) or 1
        return told[0] if told else ("", 0)

    def of_finding(self, found: Annotation) -> Annotation | None:
        path = self.find(found.path)
        return replace(found, path=path) if path else None

    def find(self, path: str, hint: str = "") -> str:
        """The file of the commit that is meant, or nothing. `hint`: the class or package, where names are short."""
        path = unquote(path.removeprefix("file://")) if path.startswith("file://") else path
        path = path.replace("\\", "/").removeprefix(self._root)
        path = posixpath.normpath(path[:_LONGEST])
        for candidate in (path, f"{self._workdir}/{path}"):
            if candidate in self._files:
                return candidate
        return self._by_end(path, hint)

    def _by_end(self, path: str, hint: str) -> str:
        """Tools count from folders of their own: the one file whose path ends so, or whose end the path has."""
        parts = path.lstrip("/").split("/")
        if not path.startswith("/"):
            return self._only(f"/{path}", hint)
        ends = ("/".join(parts[start:]) for start in range(1, len(parts) - 1))
        return next((end for end in ends if end in self._files), "")

    def _only(self, end: str, hint: str) -> str:
        """The one file whose path ends so; of several the one in the folder that the hint names."""
        found = self._ending(end)
        if len(found) > 1 and hint and end.count("/") == 1:
            folder = re.split(r"[./:\\]", hint)[-1]
            found = self._ending(f"/{folder}{end}")
        return found[0] if len(found) == 1 else ""

    def _ending(self, end: str) -> list[str]:
        """Two of them at most; nobody looks through all, of which a commit may have very many of one name."""
        start = bisect_left(self._backwards, end[::-1])
        return [one[-2::-1] for one in self._backwards[start : start + 2] if one.startswith(end[::-1])]

    def _by_class(self, name: str) -> str:
        """`com.acme.FooTest$Inner` of the JVM's languages lies where its name says."""
        path = name.partition("$")[0].replace(".", "/")
        if not re.fullmatch(r"[\w/-]{1,400}", path):
            return ""
        return next((found for suffix in _JVM if (found := self._only(f"/{path}{suffix}", ""))), "")

    def _told(self, text: str, hint: str) -> Iterator[tuple[str, int]]:
        """From the end."""
        places = list(_PLACE.finditer(text))[-_LOOKED_AT:]
        for one in reversed(places):
            yield self.find(one[1] or one[3], hint), int(one[2] or one[4]) or 1

    @cached_property
    def _backwards(self) -> list[str]:
        """Paths from their end, each with a slash at its begin, in order: what ends alike stands together."""
        return sorted(f"/{file}"[::-1] for file in self._files)
