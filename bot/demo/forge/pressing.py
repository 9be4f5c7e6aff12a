"""The buttons that people press on checks, what the App does to checks, and the webhooks that follow from both."""

from typing import Final

from bot.demo.forge import objects_checks
from bot.demo.forge.state import Account, CheckRun, Repo, World
from bot.demo.forge.telling import Telling

_DONE: Final = "completed"


class Pressing:
    """Whether a person may press is for the App to ask."""

    def __init__(self, world: World, telling: Telling) -> None:
        self._world = world
        self._telling = telling

    def rerequest(self, run: CheckRun, sender: Account) -> None:
        """The check run itself stays as it is; only its suite waits again."""
        self._world.suite(run.repo, run.sha).asked_again = True
        self._tell(run, "rerequested", sender)

    def rerequest_all(self, repo: Repo, sha: str, sender: Account) -> None:
        suite = self._world.suite(repo, sha)
        suite.asked_again = True
        shown = objects_checks.suite(self._world, suite)
        self._telling.about("check_suite", repo, sender, action="rerequested", check_suite=shown)

    def press(self, run: CheckRun, identifier: str, sender: Account) -> None:
        offered = [each["identifier"] for each in run.actions]
        assert identifier in offered, f"{run.name} offers {offered}"
        self._tell(run, "requested_action", sender, requested_action={"identifier": identifier})

    def made(self, run: CheckRun) -> None:
        self._world.suite(run.repo, run.sha).asked_again = False
        self._tell(run, "created", self._world.app.bot)

    def completed(self, run: CheckRun) -> None:
        bot = self._world.app.bot
        self._tell(run, _DONE, bot)
        shown = objects_checks.suite(self._world, self._world.suite(run.repo, run.sha))
        if shown["status"] == _DONE:
            self._telling.about("check_suite", run.repo, bot, action=_DONE, check_suite=shown)

    def _tell(self, run: CheckRun, action: str, sender: Account, **more: object) -> None:
        suite = objects_checks.suite(self._world, self._world.suite(run.repo, run.sha))
        shown = {**objects_checks.check_run(self._world, run), "check_suite": suite}
        self._telling.about("check_run", run.repo, sender, action=action, check_run=shown, **more)
