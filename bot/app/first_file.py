"""A repository without a suite file gets one proposed: read at its forge, as a change where our rights allow it."""

from dataclasses import dataclass
from typing import Final

from bot.app import proposing, suitefile
from bot.app.context import App
from bot.domain.errors import Refused
from bot.domain.refs import Repository, Sha
from bot.ports.forge import NewFile

_LARGEST: Final = 1 << 16
"""Bytes of a file that are looked at."""
_PATH: Final = suitefile.NAMES[0]
_BRANCH: Final = "assay/first-suite-file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    repository: Repository
    path: str
    """Of the suite file."""
    is_there: bool
    """The default branch has it already."""
    text: str
    page: str
    """Where people make the file themselves."""
    proposes: bool
    """We can open the change."""


def offer(app: App, repository: Repository) -> Offer:
    """Raises: Gone, Refused: the default branch has no commit yet. ForgeUnavailable. NotAllowed."""
    forge = app.forge_of(repository)
    sha = forge.commit(repository, repository.default_branch).sha
    there = next((name for name in suitefile.NAMES if _read(app, repository, sha, name) is not None), None)
    text = proposing.propose(_looked_at(app, repository, sha)) if there is None else ""
    return Offer(
        repository=repository,
        path=there or _PATH,
        is_there=there is not None,
        text=text,
        page=forge.new_file_page(repository, _PATH, text) if _is_web(repository.web_url) else "",
        proposes=there is None and forge.proposes(repository),
    )


def open_change(app: App, repository: Repository, *, actor: str) -> str:
    """The change's address. Raises: as `offer`; Refused: the file is there already."""
    found = offer(app, repository)
    if found.is_there:
        raise Refused(f"{found.path} is there already")
    what = app.dialect_of(repository).change
    body = f"Proposed by Assay, at the wish of {actor}. Look it over: this {what} already runs what it says."
    file = NewFile(path=_PATH, text=found.text, branch=_BRANCH, title="Add a suite file for Assay", body=body)
    address = app.forge_of(repository).propose(repository, file)
    subject = f"file:{_PATH}"
    with app.work() as work:
        work.audit.add(
            repository=repository.id, actor=actor, action="propose suite file", subject=subject, detail=address
        )
    return address


def _is_web(address: str) -> bool:
    """It comes from a webhook's body."""
    return address.startswith(("https://", "http://"))


def _looked_at(app: App, repository: Repository, sha: Sha) -> dict[str, str]:
    found = {name: _read(app, repository, sha, name) for name in proposing.LOOKED_AT}
    return {name: content.decode(errors="replace") for name, content in found.items() if content is not None}


def _read(app: App, repository: Repository, sha: Sha, name: str) -> bytes | None:
    return app.forge_of(repository).read_file(repository, sha, name, _LARGEST)
