"""The command `assay`."""

import importlib
from typing import Final

import click

from bot import __version__

_COMMANDS: Final = {
    "admin": ("bot.cli.admin", "admin", "Tokens for programs, the link to the set-up."),
    "api": ("bot.cli.remote", "api", "Any call of a server's API."),
    "approve": ("bot.cli.approve", "approve", "Let the runs of a build that waits for approval start."),
    "auth": ("bot.cli.auth", "auth", "Sign in to a server with a token."),
    "demo": ("bot.cli.demo", "demo", "Try everything out with a pretend forge."),
    "doctor": ("bot.cli.doctor", "doctor", "Check this installation."),
    "explain": ("bot.cli.explain", "explain", "What the code of a problem means."),
    "firewall": (
        "bot.cli.firewall",
        "firewall",
        "Keep suites with the internet from this machine, for workers beside.",
    ),
    "flaky": ("bot.cli.flaky", "flaky", "Tests that nobody can rely on."),
    "init": ("bot.cli.init", "init", "Propose a suite file for this repository."),
    "lint": ("bot.cli.lint", "lint", "Check a suite file."),
    "log": ("bot.cli.remote", "log", "What failed said, from the server."),
    "open": ("bot.cli.remote", "open_", "Show a build in the browser."),
    "plan": ("bot.cli.plan", "plan", "Which suites would run for this branch, and why not the others."),
    "queue": ("bot.cli.looking", "queue", "What waits for a worker, and why."),
    "repo": ("bot.cli.repo", "repo", "Repositories: register them, look after their webhooks."),
    "bisect": ("bot.cli.remote", "bisect", "Find the commit that broke a branch, on the server."),
    "retest": ("bot.cli.remote", "retest", "Run again what failed, on the server."),
    "run": ("bot.cli.run", "run", "Run suites here, as the server does."),
    "runs": ("bot.cli.remote", "runs", "Builds on the server: list, view, watch, compare, cancel."),
    "secret": ("bot.cli.secret", "secret", "Secrets of repositories: set, list, remove, rotate."),
    "serve": ("bot.cli.server", "serve", "Run the server."),
    "worker": ("bot.cli.worker", "worker", "Run suites for servers elsewhere; drain a worker."),
    "workers": ("bot.cli.looking", "workers", "Who runs suites, what each can take and has."),
}
"""Loaded when they are used: reading a suite file shouldn't wait for the web."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        if cmd_name not in _COMMANDS:
            return None
        module, name, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click guesses among commands that it has loaded, and these are loaded when they are used."""
        if not ctx.resilient_parsing and args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise click.NoSuchCommand(args[0], possibilities=_COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, _, words) in sorted(_COMMANDS.items())])


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="assay")
def main() -> None:
    """Assay: a self-hosted CI bot."""
