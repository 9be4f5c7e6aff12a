"""Suites and environments that were registered over the API, each with versions that never change."""

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    SUITE = "suite"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version of a suite or an environment."""

    id: str
    number: int
    """Counts up with each that is registered."""
    kind: Kind
    name: str
    version: int
    """From 1."""
    definition: str
    """A JSON object in the words of the suite file."""
    created_at: float
    """Of the first version, in seconds since 1970."""
    changed_at: float
    """Of this version."""
    actor: str
    """Who wrote this version."""
    removed: bool = False
    """Nothing new can be started with it; its versions stay for what ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a build was started with: exactly these versions."""

    suite: str
    """Its id."""
    suite_version: int
    environment: str | None = None
    environment_version: int | None = None
