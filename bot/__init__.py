"""Assay: a self-hosted CI bot for GitHub and GitLab."""

__version__ = "0.1.0"
