"""The comment with a change's results: what failed, each with its link and its last words (PRODUCT §2.5)."""

from collections.abc import Callable, Sequence
from typing import Final

from bot.domain.cells_check import LimitsOf
from bot.domain.runs import Build, Run
from bot.domain.suite_check import SIGNS, has_passed, title
from bot.domain.texts import code, escaped, fence, last_lines

MARK: Final = "<!-- assay:summary v1"
"""What the comment is found by."""
_ROWS: Final = 20
_TAILS: Final = 5
_LINES: Final = 10


def results_comment(
    build: Build,
    runs: Sequence[Run],
    url: str,
    url_of: Callable[[Run], str],
    limits_of: LimitsOf,
    retest: str,
) -> str:
    """Of a build that has ended, green or red. `retest`: the command that runs what failed again."""
    bad = [run for run in runs if not has_passed(run)]
    if build.problems:
        body = _invalid(build, url)
    elif build.conflicts:
        body = _conflicting(build, url)
    elif bad:
        body = _red(build, bad, len(runs) - len(bad), url, url_of, limits_of, retest)
    else:
        body = f"All checks pass on {code(build.sha[:7])}. <sub>[all results]({url})</sub>"
    return f"{body}\n{MARK} {build.sha[:7]} -->"


def _invalid(build: Build, url: str) -> str:
    count = len(build.problems)
    errors = f"{count} error{'s' if count > 1 else ''}"
    return f"**Nothing ran** on {code(build.sha[:7])}: {code(build.suite_file)} has {errors}.\n\n{_foot(build, url)}"


def _conflicting(build: Build, url: str) -> str:
    files = ", ".join(map(code, build.conflicts[:_ROWS])) + (" …" if len(build.conflicts) > _ROWS else "")
    return (
        f"**Nothing ran** on {code(build.sha[:7])}: it conflicts with {code(build.base_ref)} in {files}.\n\n"
        f"{_foot(build, url)}"
    )


def _red(
    build: Build,
    bad: Sequence[Run],
    passed: int,
    url: str,
    url_of: Callable[[Run], str],
    limits_of: LimitsOf,
    retest: str,
) -> str:
    count = len(bad)
    head = f"**{count} check{'s' if count > 1 else ''} failed** on {code(build.sha[:7])}"
    rows = [
        f"| {SIGNS[run.state.word]} {escaped(run.suite.key)} "
        f"| {escaped(title(run, limits_of(run.suite)))} · [log]({url_of(run)}) |"
        for run in bad[:_ROWS]
    ]
    table = "\n".join(["| | |", "| --- | --- |", *rows])
    more = f"\n\n{count - _ROWS} more on the page." if count > _ROWS else ""
    tails = "".join(
        f"<details><summary>The last lines of {escaped(run.suite.key)}</summary>\n\n"
        f"{fence(last_lines(run.tail, _LINES))}\n\n</details>\n\n"
        for run in [one for one in bad if one.tail][:_TAILS]
    )
    others = f"{passed} other{'s' if passed > 1 else ''} passed. " if passed else ""
    return f"{head}\n\n{table}{more}\n\n{tails}{others}{retest} runs the failed ones again. {_foot(build, url)}"


def _foot(build: Build, url: str) -> str:
    return (
        f"<sub>[all results]({url}) · `pull_requests: {{comment: never}}` in {code(build.suite_file)} "
        "turns this comment off</sub>"
    )
