"""A channel of any service that Apprise knows; an extra: `pip install 'assay-bot[notify]'`."""

import warnings
from dataclasses import dataclass, field
from typing import Any

from bot.domain.errors import Refused, Unavailable
from bot.domain.notices import Message


@dataclass(frozen=True, slots=True)
class AppriseChannel:
    url: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raises: Refused."""
        _service(self.url)

    @property
    def kind(self) -> str:
        return self.url.partition(":")[0].lower()

    def send(self, message: Message) -> None:
        if not _service(self.url).notify(title=message.title, body=f"{message.text}\n{message.url}"):
            raise Unavailable("the service did not take it")


def _service(url: str) -> Any:  # of a module that may be missing
    """Raises: Refused."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of what it tries to import
        try:
            import apprise  # noqa: PLC0415  # not everybody has it, and it takes long
        except ImportError as error:
            raise Refused("this kind of channel needs the extra: pip install 'assay-bot[notify]'") from error
        service = apprise.Apprise()
        if not service.add(url):
            raise Refused("Apprise knows no such channel")
    return service
