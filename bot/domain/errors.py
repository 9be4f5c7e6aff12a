"""Every error the bot raises on purpose.

BotError
├─ Refused              the caller or the repository is at fault; never retried
│  ├─ BadSignature
│  ├─ BadInput          a body, header or argument that can't be understood
│  │  └─ UnsupportedMedia  a body in a form that we don't read
│  ├─ Gone              what was asked for does not exist (any more)
│  ├─ NotAllowed        the forge denies us a permission
│  ├─ InvalidSuiteFile
│  ├─ SourceRefused     the wanted commit can't or must not be checked out
│  └─ ImageMissing
├─ Unavailable          the world is at fault; retried
│  ├─ ForgeUnavailable
│  │  ├─ RateLimited
│  │  └─ Ambiguous      a write may have happened; look before repeating it
│  ├─ SandboxUnavailable
│  ├─ SourceUnavailable
│  └─ StoreBusy
└─ IllegalMove          the bot is at fault; reported as a bug
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class BotError(Exception):
    code: ClassVar[str] = "error"


class Refused(BotError):
    code = "refused"


class BadSignature(Refused):
    code = "unauthorized"


class BadInput(Refused):
    code = "bad_input"


class UnsupportedMedia(BadInput):
    code = "unsupported_media"


class Gone(Refused):
    code = "not_found"


class NotAllowed(Refused):
    code = "not_allowed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a suite file. Lines and columns count from 1; `end_column` is one past the last character."""

    code: str
    line: int
    column: int
    message: str
    help: str = ""
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message} ({self.code})"


class InvalidSuiteFile(Refused):
    code = "invalid_suite_file"

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"{path}: " + "; ".join(map(str, problems)))
        self.path = path
        self.problems = tuple(problems)


class SourceRefused(Refused):
    code = "source_refused"


class ImageMissing(Refused):
    code = "image_missing"


class Unavailable(BotError):
    code = "unavailable"

    def __init__(self, what: str, *, retry_after: float | None = None) -> None:
        """`retry_after`: seconds that the other side asked us to wait."""
        super().__init__(what)
        self.retry_after = retry_after


class ForgeUnavailable(Unavailable):
    code = "forge_unavailable"


class RateLimited(ForgeUnavailable):
    code = "rate_limited"


class Ambiguous(ForgeUnavailable):
    code = "ambiguous"


class SandboxUnavailable(Unavailable):
    code = "sandbox_unavailable"


class SourceUnavailable(Unavailable):
    code = "source_unavailable"


class StoreBusy(Unavailable):
    code = "store_busy"


class IllegalMove(BotError):
    code = "illegal_move"
