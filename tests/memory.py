"""Databases in memory that have all tables from the start: copies of one that was migrated once."""

import functools
from typing import Final

import sqlalchemy as sa

from bot.adapters.store_sql import open_engine, upgrade

IN_MEMORY: Final = "sqlite://"


@functools.cache
def _migrated() -> sa.Engine:
    engine = open_engine(IN_MEMORY)
    upgrade(engine)
    return engine


def open_copy() -> sa.Engine:
    """An empty database with all tables; whoever asked disposes of it."""
    engine = open_engine(IN_MEMORY)
    with _migrated().connect() as made, engine.connect() as copy:
        source, target = made.connection.driver_connection, copy.connection.driver_connection
        assert source
        assert target
        source.backup(target)
    return engine
