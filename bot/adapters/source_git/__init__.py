"""Work trees of exact commits, made by git from one bare mirror per repository."""

from bot.adapters.source_git.source import GitSource

__all__ = ["GitSource"]
