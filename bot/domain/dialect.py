"""How a forge's people call things, and how they press us: the words of everything that is shown there."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bot.domain.refs import Repository


@dataclass(frozen=True, slots=True)
class Dialect:
    change: str
    """What a change is called there."""
    prefix: str
    """Stands before a command."""
    has_buttons: bool
    """Can a check have our buttons."""
    head_ref: str
    """Where a change's head is fetched from, when its branch is gone or of a fork."""
    pages: str
    """Between the address of a repository and those of its pages."""
    change_page: str

    def page(self, repository: Repository, rest: str) -> str:
        """An address inside of the repository's pages; empty where it has none on the web."""
        home = web_url(repository)
        return f"{home}/{self.pages}{rest}" if home else ""

    def command(self, form: str) -> str:
        """A command as people are told to write it."""
        return f"`{self.prefix}{form.removeprefix('assay ') if self.prefix == ALWAYS else form}`"


def web_url(repository: Repository) -> str:
    """Nothing unless it is a web address: it comes from a webhook's body."""
    return repository.web_url.rstrip("/") if urlsplit(repository.web_url).scheme in ("http", "https") else ""


ALWAYS: Final = "/assay "
"""The prefix that is understood everywhere, whatever other bots and quick actions take for themselves."""
GITHUB: Final = Dialect(
    change="pull request",
    prefix="/",
    has_buttons=True,
    head_ref="refs/pull/{}/head",
    pages="",
    change_page="pull",
)
GITLAB: Final = Dialect(
    change="merge request",
    prefix=ALWAYS,  # its quick actions swallow some bare forms (BEHAVIOUR §2)
    has_buttons=False,
    head_ref="refs/merge-requests/{}/head",
    pages="-/",
    change_page="merge_requests",
)
