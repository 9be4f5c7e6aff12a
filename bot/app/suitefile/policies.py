"""`pull_requests` and `notify`: what the whole file says about talking to people."""

from collections.abc import Iterable, Iterator
from typing import Final

from bot.app.suitefile import keys, patterns, values
from bot.app.suitefile.fields import fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Node
from bot.domain.suites import ChecksPer, CommentWhen, Notify, PullRequests, Send

ANNOTATIONS_MAX: Final = 500


def pull_requests(node: Node, where: str, found: Findings) -> PullRequests | None:
    table = values.mapping(node, where, found)
    if table is None:
        return None
    given = fields(table, keys.PULL_REQUESTS, where, found)
    default = PullRequests()
    annotations = given.get("annotations", values.integer(0, ANNOTATIONS_MAX))
    cancel = given.get("cancel_superseded", values.boolean)
    return PullRequests(
        comment=given.get("comment", values.choice(CommentWhen)) or default.comment,
        annotations=default.annotations if annotations is None else annotations,
        cancel_superseded=default.cancel_superseded if cancel is None else cancel,
        checks=given.get("checks", values.choice(ChecksPer)) or default.checks,
    )


def notify(known: Iterable[str], node: Node, where: str, found: Findings) -> tuple[Notify, ...]:
    """`known`: the names of the file's suites."""
    suites = frozenset(known)
    return tuple(_notifications(values.items(node, where, found) or (), suites, where, found))


def _notifications(nodes: tuple[Node, ...], suites: frozenset[str], where: str, found: Findings) -> Iterator[Notify]:
    for node in nodes:
        table = values.mapping(node, where, found, 'write it like "- {channel: team}"')
        if table is None:
            continue
        given = fields(table, keys.NOTIFY, where, found)
        if "channel" not in given.there:
            found.add("C102", table.place, f'{where}: "channel" is missing')
        channel = given.get("channel", values.text)
        if channel is not None:
            values.check_name(channel, "a channel", found)
        named = given.get("suites", values.names) or ()
        for name in named:
            if name.value not in suites:
                advice = values.meant(name, suites)
                found.add("C201", name.place, f"{where}.suites: there is no suite {quoted(name.value)}", advice)
        yield Notify(
            channel=channel.value if channel else "",
            branches=given.get("branches", patterns.branches) or (),
            suites=tuple(name.value for name in named),
            send=given.get("send", values.choice(Send)) or Send.CHANGES,
        )
