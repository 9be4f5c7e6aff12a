"""GitLab, gitlab.com or self-managed, by one user's or project's access token."""

from bot.adapters.forge_gitlab.api import GitLabForge

__all__ = ["GitLabForge"]
