"""`assay explain`: what the code of a problem means."""

from difflib import get_close_matches

import click

from bot.app.suitefile import MEANINGS
from bot.cli.workplace import fail


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE]...")
def explain(codes: tuple[str, ...]) -> None:
    """Tell what the codes of `assay lint` mean; without CODE all of them."""
    for code in codes:
        if code.upper() not in MEANINGS:
            near = get_close_matches(code.upper()[:10], MEANINGS, 1, 0.5)
            fail(f"there is no code {code[:20]!r}" + (f"; did you mean {near[0]}?" if near else ""))
    if not codes:
        for code, meaning in MEANINGS.items():
            click.echo(f"{code}  {meaning.short}")
    for code in map(str.upper, codes):
        click.echo(f"{code}: {MEANINGS[code].short}\n\n{MEANINGS[code].more}")
