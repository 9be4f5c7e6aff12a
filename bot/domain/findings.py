"""What an operator should know of an installation, and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    ok: bool
    text: str
    help: str = ""
    """What to do about it; of one that is `ok`: what would be better."""
    check: str = ""
    """The name of the check that found it."""
