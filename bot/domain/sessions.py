"""A person who has signed in with their account at a forge."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.refs import ForgeName, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What is known of it; the text that the browser keeps is not."""

    digest: str = field(repr=False)
    """SHA-256 of that text, in hexadecimal digits."""
    forge: ForgeName
    person: Person
    created_at: datetime
    expires_at: datetime
