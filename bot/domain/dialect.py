"""How a forge's people call things, and how they press us: the words of everything that is shown there."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Dialect:
    change: str
    """What a change is called there."""
    prefix: str
    """Stands before a command."""
    has_buttons: bool
    """Can a check have our buttons."""

    def command(self, form: str) -> str:
        """A command as people are told to write it."""
        return f"`{self.prefix}{form.removeprefix('assay ') if self.prefix == ALWAYS else form}`"


ALWAYS: Final = "/assay "
"""The prefix that is understood everywhere, whatever other bots and quick actions take for themselves."""
GITHUB: Final = Dialect("pull request", "/", has_buttons=True)
GITLAB: Final = Dialect("merge request", ALWAYS, has_buttons=False)
"""Its quick actions swallow some bare forms (BEHAVIOUR §2)."""
