"""A channel that remembers what it was told."""

from dataclasses import dataclass, field

from bot.domain.notices import Message


@dataclass
class FakeChannel:
    kind: str = "fake"
    heard: list[Message] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    """Raised by the next calls, in order."""

    def send(self, message: Message) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.heard.append(message)

    @property
    def news(self) -> list[str]:
        return [one.news.value for one in self.heard]
