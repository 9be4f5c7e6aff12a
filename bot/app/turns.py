"""One at a time: what two processes must not do to the same thing at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bot.app.context import App
from bot.domain.errors import Unavailable
from bot.ports.store import UnitOfWork


class Busy(Unavailable):
    """Somebody else does it at this moment, or did it meanwhile."""

    def __init__(self) -> None:
        super().__init__("another delivery of the same is being handled", retry_after=0.3)


@contextmanager
def one_at_a_time(app: App, duty: str) -> Iterator[App]:
    """The App for what is done: each of its transactions makes sure that the duty is still ours, and keeps it.

    Who takes longer than a lease over a call, and is overtaken, writes nothing any more.

    Raises: Busy: another process or thread has the duty now.
    """
    holder = app.new_id()
    with app.work() as work:
        if not work.leases.take(duty, holder, app.rules.lease):
            raise Busy

    @contextmanager
    def kept() -> Iterator[UnitOfWork]:
        with app.work() as work:
            if not work.leases.keep(duty, holder, app.rules.lease):
                raise Busy
            yield work

    try:
        yield replace(app, work=kept)  # type: ignore[arg-type]  # a context that gives one
    finally:
        with app.work() as work:
            work.leases.keep(duty, holder, 0)
