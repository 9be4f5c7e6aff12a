"""Repositories without a forge: git alone answers, and nothing is shown there."""

from bot.adapters.forge_git.repositories import GitRepositories

__all__ = ["GitRepositories"]
