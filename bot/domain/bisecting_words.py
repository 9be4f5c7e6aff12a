"""What people read of a search for the commit that broke a branch: on the change where it was asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.bisecting import Bisection, BisectionState
from bot.domain.refs import Sha
from bot.domain.texts import code, counted, cut, escaped

_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A search, and what follows from its runs."""

    search: Bisection
    runs: int
    """That it has started."""
    left: int
    """That are still to come, if all commits can be tested."""
    before: Sha
    """The commit before the first bad one, where all was well."""
    tests: Sequence[str] = ()
    """Those that fail from the first bad commit on; none: the suite itself fails."""


def mark(sha: Sha) -> str:
    """What the comment is found by; `sha`: the commit that failed."""
    return f"<!-- assay:bisect v1 {sha} -->"


def answer(told: Sequence[Told], sha: Sha, url: str, commits: str) -> str:
    """The whole comment, one paragraph for each suite. `commits`: where the forge shows a commit, without its id."""
    return "\n\n".join([*(_paragraph(one, url, commits) for one in told), mark(sha)])


def _paragraph(told: Told, url: str, commits: str) -> str:
    one = told.search
    what = f"{code(one.suite)} on {code(one.branch)}"
    match one.state:
        case BisectionState.RUNNING:
            among = counted(len(one.commits), "commit")
            return f"Looking for what broke {what}: {among}, about {counted(told.left, 'step')}. [Steps]({url})"
        case BisectionState.FOUND if one.first_bad is not None:
            first, before = _commit(one.first_bad, commits), _commit(told.before, commits)
            by = f", by {escaped(one.author)}" if one.author else ""
            title = f": {escaped(one.note)}" if one.note else ""
            effort = f"{counted(told.runs, 'run')} among {counted(len(one.commits), 'commit')}"
            return (
                f"**{first} broke {what}**{title}{by}\n\n"
                f"{failing_words(told.tests, code)} from there on; all was well at {before}. "
                f"<sub>[{effort}]({url})</sub>"
            )
        case BisectionState.STOPPED:
            return f"The search for what broke {what} ended early: {escaped(one.note)}. [Steps]({url})"
        case _:
            return f"What broke {what} was not found: {escaped(one.note)}. [Steps]({url})"


def _commit(sha: Sha, commits: str) -> str:
    return f"[`{sha[:7]}`]({commits}{sha})" if commits else f"`{sha[:7]}`"


def failing_words(tests: Sequence[str], shown: Callable[[str], str] = str) -> str:
    """`a, b, c and 2 more fail`."""
    if not tests:
        return "The suite fails"
    names = ", ".join(shown(cut(name, 200)) for name in tests[:_NAMED])
    if len(tests) > _NAMED:
        names += f" and {len(tests) - _NAMED} more"
    return f"{names} {'fails' if len(tests) == 1 else 'fail'}"
