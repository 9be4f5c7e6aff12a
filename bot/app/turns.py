"""One at a time: what two processes must not do to the same thing at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.app.context import App
from bot.domain.errors import Unavailable


class Busy(Unavailable):
    """Somebody else does it at this moment."""


@contextmanager
def one_at_a_time(app: App, duty: str) -> Iterator[None]:
    """Raises: Busy: another process or thread has the duty now."""
    holder = app.new_id()
    with app.work() as work:
        if not work.leases.take(duty, holder, app.rules.lease):
            raise Busy("another delivery of the same is being handled", retry_after=0.3)
    try:
        yield
    finally:
        with app.work() as work:
            work.leases.take(duty, holder, 0)
