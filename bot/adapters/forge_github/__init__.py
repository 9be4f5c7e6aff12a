"""GitHub and GitHub Enterprise Server, by a GitHub App."""

from bot.adapters.forge_github.api import GitHubForge
from bot.adapters.forge_github.translation import SUBSCRIBED

PERMISSIONS = {"checks": "write", "contents": "read", "metadata": "read", "pull_requests": "read"}
"""What an App must be granted for the calls that are made here."""

__all__ = ["PERMISSIONS", "SUBSCRIBED", "GitHubForge"]
