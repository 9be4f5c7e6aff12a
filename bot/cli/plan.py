"""`assay plan`: what a push, a tag or a pull request of the present branch would start, and why not the rest."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from bot.app.foreseeing import CAUSES, Branch, Foreseen, foresee
from bot.bootstrap import work_tree
from bot.cli.workplace import fail, read_suite_file
from bot.domain.errors import SourceRefused
from bot.domain.suites import Occasion

_USUAL_BASE: Final = "main"


@click.command()
@click.option("--base", help="The branch that the pull request goes to; without it the remote's default branch.")
@click.option(
    "--event",
    type=click.Choice([one.value for one in CAUSES]),
    default=Occasion.PULL_REQUEST.value,
    help="What happens to the branch.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def plan(base: str | None, event: str, *, as_json: bool) -> None:
    """Tell which suites and cells would run for the present branch, and why not the others.

    The suite file is read as it is now; what has changed is counted by commits since the branch left its base.
    """
    try:
        tree = work_tree(Path.cwd())
        file = read_suite_file(tree.root)
        branch = Branch(
            commit=tree.commit,
            name=tree.branch or "(no branch)",
            message=tree.message,
            base=base or tree.default_branch or _USUAL_BASE,
        )
        fork = "" if event == Occasion.TAG else tree.base(branch.base)
        if base and not fork and event != Occasion.TAG:
            fail(f"there is no branch {base} here that the present one has left")
        if event == Occasion.PUSH and fork == tree.commit:
            fork = ""  # what was pushed before is not known here
        found, note = foresee(file, Occasion(event), branch, lambda: tree.changed_since(fork) if fork else None)
    except SourceRefused as error:
        fail(error)
    click.echo(_json(event, branch, found, note) if as_json else _text(event, branch, found, note))


def _text(event: str, branch: Branch, found: Sequence[Foreseen], note: str) -> str:
    target = f" into {branch.base}" if event == Occasion.PULL_REQUEST else ""
    head = f"{event} of {branch.name}{target}: {sum(one.runs for one in found)} of {len(found)} would run"
    names = [f"{one.suite} ({one.cell})" if one.cell else one.suite for one in found]
    width = max(map(len, names))
    lines = [
        f"  {'✓' if one.runs else '-'} {name:{width}}  {one.why or _place(one)}".rstrip()
        for name, one in zip(names, found, strict=True)
    ]
    return "\n".join([head, *lines, *([note] if note else [])])


def _place(one: Foreseen) -> str:
    return f"on a worker with {', '.join(one.runs_on)}" if one.runs_on else ""


def _json(event: str, branch: Branch, found: Sequence[Foreseen], note: str) -> str:
    suites = [dataclasses.asdict(one) for one in found]
    base = branch.base if event == Occasion.PULL_REQUEST else None
    return json.dumps({"event": event, "branch": branch.name, "base": base, "note": note, "suites": suites}, indent=2)
