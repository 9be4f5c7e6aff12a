"""The store and the logs on SQLAlchemy Core: SQLite by default, written so that PostgreSQL takes its place."""

from bot.adapters.store_sql.engine import open_engine, reading
from bot.adapters.store_sql.logs import SqlLogs
from bot.adapters.store_sql.upgrade import upgrade
from bot.adapters.store_sql.work import SqlWork

__all__ = ["SqlLogs", "SqlWork", "open_engine", "reading", "upgrade"]
