"""GitHub and GitHub Enterprise Server, by a GitHub App or a person's token."""

from bot.adapters.forge_github.api import GitHubForge, api_url
from bot.adapters.forge_github.making import GitHubAppMaking
from bot.adapters.forge_github.translation import SUBSCRIBED

__all__ = ["SUBSCRIBED", "GitHubAppMaking", "GitHubForge", "api_url"]
