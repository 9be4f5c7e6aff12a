"""What a page that is open must hear next; each step looks once at the store and gives what is new."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sse_starlette import ServerSentEvent

from bot.app import queries
from bot.app.queries import Viewer
from bot.domain.runs import BuildId, Group, Run
from bot.web.logview import view_at
from bot.web.site import Site, rendered

PIECE: Final = 64 * 1024
"""Bytes of log in one event at most."""

Look = Callable[[], Viewer]
"""Who follows, looked at anew for each step: a token may have been revoked since."""


@dataclass(frozen=True, slots=True)
class Step:
    events: Sequence[ServerSentEvent]
    ended: bool
    more: bool = False
    """There is more to read at once."""


class BuildFollower:
    """`state` events with the build's facts and suites, then `end`."""

    def __init__(self, site: Site, look: Look, number: BuildId) -> None:
        self._site, self._look, self._number = site, look, number
        self._shown = ""

    def step(self) -> Step:
        view = queries.build(self._site.reader, self._look(), self._number)
        html = rendered(self._site, "_build.html", view=view)
        events = [] if html == self._shown else [ServerSentEvent(html, event="state")]
        self._shown = html
        if view.is_at_rest:
            return Step([*events, ServerSentEvent(view.word, event="end")], ended=True)
        return Step(events, ended=False)


class SuiteFollower:
    """`group` where one begins or ends, `lines` (id: the byte to go on from), `line`, `state`, and at last `end`.

    `line` is one that is still written.
    """

    def __init__(self, site: Site, look: Look, build: BuildId, run: Run, start: int) -> None:
        self._site, self._look, self._build, self._run = site, look, build, run
        logs = site.reader.logs
        self._view = view_at(partial(logs.read, run.id), min(start, logs.size(run.id)))
        self._at = self._view.offset
        self._state = self._open = ""
        self._groups: dict[int, str] = {}
        """As they were told, by their numbers."""

    def step(self) -> Step:
        app = self._site.reader
        piece = queries.log_piece(app, self._look(), self._run.id, self._at, PIECE)
        events = [*self._state_event(piece.view), *self._news(piece.data, piece.view.run)]
        self._at += len(piece.data)
        if piece.complete:
            word = piece.view.run.word
            return Step([*events, ServerSentEvent(word, event="end", id=str(self._view.offset))], ended=True)
        return Step(events, ended=False, more=len(piece.data) == PIECE)

    def _state_event(self, view: queries.RunView) -> Sequence[ServerSentEvent]:
        html = rendered(self._site, "_run.html", view=view, number=self._build)
        if html == self._state:
            return []
        self._state = html
        return [ServerSentEvent(html, event="state")]

    def _news(self, data: bytes, run: Run) -> Iterator[ServerSentEvent]:
        """Lines, and the groups between them."""
        at, start = self._at, self._at
        for group in run.groups:
            if at <= group.offset <= start + len(data):
                yield from self._line_events(data[at - start : group.offset - start])
                at = group.offset
            if group.offset <= start + len(data):
                yield from self._group_event(group, run)
        yield from self._line_events(data[at - start :])

    def _group_event(self, group: Group, run: Run) -> Iterator[ServerSentEvent]:
        html = rendered(self._site, "_group.html", group=group, is_open=True, run=run)
        if self._groups.get(group.number) != html:
            self._groups[group.number] = html
            yield ServerSentEvent(f"{html}</details>", event="group")

    def _line_events(self, data: bytes) -> Sequence[ServerSentEvent]:
        events = []
        if lines := "".join(self._view.feed(data)):
            # The id is that of the open line's begin: an interrupted page gets that line again, whole.
            events.append(ServerSentEvent(lines.removesuffix("\n"), event="lines", id=str(self._view.offset)))
        rest = self._view.rest().removesuffix("\n")
        if rest != self._open:
            self._open = rest
            events.append(ServerSentEvent(rest, event="line"))
        return events
