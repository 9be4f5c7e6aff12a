"""Reading the reports that test tools write; everybody's input, and hostile (RELIABILITY S106 to S108)."""

from typing import Final, Protocol

TEXT_MAX: Final = 16 * 1024
"""Characters that are kept of a failure's details."""
MESSAGE_MAX: Final = 2000


class Unreadable(Exception):
    """The rest of a report can't be read; what was read before counts. Its words end a sentence about the file."""


class Content(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
