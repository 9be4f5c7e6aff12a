"""A pretend GitLab."""
