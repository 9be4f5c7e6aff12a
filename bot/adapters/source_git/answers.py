"""What a forge's answer to a fetch means, read from git's last words."""

import enum
import re
from typing import Final, NoReturn

from bot.domain.errors import SourceRefused, SourceUnavailable


class Answer(enum.Enum):
    FOUND = enum.auto()
    GONE = enum.auto()
    """The forge answered and says that it has no such commit or ref; true for a moment too when it lags."""
    WITHHELD = enum.auto()
    """The server hands out only what a ref points to; whether it has the commit is open."""
    DENIED = enum.auto()
    """403 or 404: we may not see the repository, or it is no more."""
    UNAUTHORIZED = enum.auto()
    """401: the credential is too old or too new."""
    REDIRECTED = enum.auto()
    FORBIDDEN = enum.auto()
    """Objects that would harm whoever checks them out: `.git` in a tree, a submodule called `-u…`."""
    TOO_LARGE = enum.auto()
    SILENT = enum.auto()
    """No answer, a 5xx, a broken connection."""
    UNCLEAR = enum.auto()
    """Nothing of these; perhaps our own mirror is broken."""


_SIGNS: Final = (
    (Answer.TOO_LARGE, r"file too large"),
    (Answer.FORBIDDEN, r"fsck error|error in object"),
    (Answer.GONE, r"not our ref|couldn't find remote ref"),
    (Answer.WITHHELD, r"unadvertised object"),
    (Answer.DENIED, r"returned error: 40[34]\b|repository '.*' not found"),
    (Answer.UNAUTHORIZED, r"returned error: 401\b|authentication failed|could not read (?:username|password)"),
    (Answer.REDIRECTED, r"returned error: 3\d\d\b|redirect"),
    (
        Answer.SILENT,
        r"unable to access|returned error|rpc failed|hung up|early eof|timed out|could not resolve|not valid: is",
    ),
)


def read_answer(words: str) -> Answer:
    return next((answer for answer, sign in _SIGNS if re.search(sign, words, re.IGNORECASE)), Answer.UNCLEAR)


def is_last(answer: Answer) -> bool:
    """Asking the forge again would change nothing."""
    return answer in (Answer.FOUND, Answer.FORBIDDEN, Answer.TOO_LARGE, Answer.UNCLEAR)


def fail(answer: Answer, sha: str, words: str) -> NoReturn:
    """The end of all tries. A clear no is refused, a missing or doubtful answer is worth another attempt of the run.

    Raises:
        SourceRefused: the commit is gone, hidden from us, forbidden or too large.
        SourceUnavailable: everything else.
    """
    match answer:
        case Answer.GONE | Answer.WITHHELD:
            raise SourceRefused(f"commit {sha} is gone: the branch was force-pushed or deleted")
        case Answer.DENIED:
            raise SourceRefused(
                "the forge does not show the repository to us: it is gone or our access was withdrawn"
            )
        case Answer.FORBIDDEN:
            raise SourceRefused(f"commit {sha} holds forbidden names or broken objects: {words}")
        case Answer.TOO_LARGE:
            raise SourceRefused(f"commit {sha} is too large: its history exceeds the limit for one fetch")
        case Answer.UNAUTHORIZED:
            raise SourceUnavailable("the forge did not take our credential (401)")
        case Answer.REDIRECTED:
            raise SourceUnavailable("the forge redirects to another address, which is not followed")
        case Answer.FOUND | Answer.SILENT | Answer.UNCLEAR:
            raise SourceUnavailable(f"the forge could not be reached: {words}")
