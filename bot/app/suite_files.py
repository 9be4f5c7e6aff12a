"""Which suite file speaks for a commit: read from the forge."""

from concurrent.futures import ThreadPoolExecutor

from bot.app import suitefile
from bot.app.context import App
from bot.domain.errors import InvalidSuiteFile
from bot.domain.refs import Repository, Sha
from bot.domain.suites import SuiteFile


def at(app: App, repository: Repository, sha: Sha) -> SuiteFile | InvalidSuiteFile | None:
    """The one of the commit itself; for a stranger's change too, since it runs only when approved (DESIGN §2.10)."""
    forge = app.forge_of(repository)
    with ThreadPoolExecutor(len(suitefile.NAMES)) as threads:  # nothing runs before the forge has answered
        found = threads.map(lambda path: forge.read_file(repository, sha, path, suitefile.LIMIT), suitefile.NAMES)
    texts = {path: data for path, data in zip(suitefile.NAMES, found, strict=True) if data is not None}
    if not texts:
        return None
    if len(texts) > 1:
        return suitefile.both_there()
    ((path, data),) = texts.items()
    try:
        return suitefile.parse(path, data, today=app.now().date())
    except InvalidSuiteFile as error:
        return error
