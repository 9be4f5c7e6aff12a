"""Rows for every table of a database, made from what the tables say of themselves."""

import functools
import random
import re
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.types import TypeDecorator

from bot.adapters.store_sql.columns import Snapshot
from bot.adapters.store_sql.tables import metadata as today

_TRIES: Final = 50
_VERSION: Final = "alembic_version"


def add_rows(connection: sa.Connection, number: int, seen: sa.MetaData) -> None:
    """A row of that number in each table, which names those of its number where it refers to others.

    A table whose key has but a few words may be full. `seen` is what was read about the tables before.
    """
    inspector = sa.inspect(connection)
    others = {name: {one["name"] for one in inspector.get_columns(name)} for name in inspector.get_table_names()}
    changed = [name for name, columns in others.items() if _columns(seen, name) != columns]
    if changed:
        seen.reflect(connection, only=changed, extend_existing=True)
    chance = random.Random(number)
    for table in seen.sorted_tables:
        if table.name != _VERSION:
            _add_row(connection, table, number, chance)


def _columns(seen: sa.MetaData, name: str) -> set[str]:
    return set(seen.tables[name].columns.keys()) if name in seen.tables else set()


def count(connection: sa.Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = sorted({*sa.inspect(connection).get_table_names()} - {_VERSION})
    counted = {name: sa.select(sa.func.count()).select_from(sa.table(name)) for name in names}
    return {name: connection.execute(query).scalar_one() for name, query in counted.items()}


def read_all(connection: sa.Connection) -> dict[str, int]:
    """Read every row as the code does; as many as `count` finds."""
    return {table.name: len(connection.execute(sa.select(table)).all()) for table in today.sorted_tables}


def _add_row(connection: sa.Connection, table: sa.Table, number: int, chance: random.Random) -> None:
    """The database itself says whether a row keeps to the table's checks."""
    words = _words(table)
    for _ in range(_TRIES):
        row = {column.name: _value(column, number, words, chance) for column in table.columns}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(table).values(row))
        except sa.exc.IntegrityError:
            continue
        return


def _words(table: sa.Table) -> dict[str, list[str]]:
    """What may stand in a column by the table's checks."""
    checks = [str(each.sqltext) for each in table.constraints if isinstance(each, sa.CheckConstraint)]
    return {
        column.name: [word for text in checks if re.search(rf"\b{column.name}\b", text) for word in _quoted(text)]
        for column in table.columns
    }


def _quoted(text: str) -> list[str]:
    return re.findall(r"'(\w+)'", text)


def _value(column: sa.Column[Any], number: int, words: Mapping[str, list[str]], chance: random.Random) -> object:
    if column.nullable and chance.random() < 0.5:
        return None
    for key in column.foreign_keys:
        return _value(key.column, number, {}, chance)
    if words.get(column.name) and isinstance(column.type, sa.Text):
        return chance.choice(words[column.name])
    kind = _known(column)
    if isinstance(kind, Snapshot):
        wanted: Any = kind.kind
        return _json(wanted)
    if isinstance(kind, TypeDecorator) and hasattr(kind, "kind"):
        return chance.choice(list(kind.kind)).value
    return _VALUES[column.type.python_type](column.name, number)


def _known(column: sa.Column[Any]) -> object:
    """Its type in the code of today, which knows more of it than the database does."""
    table = today.tables.get(column.table.name)
    known = table.columns.get(column.name) if table is not None else None
    return None if known is None else known.type


_VALUES: Final[Mapping[type, Any]] = {
    bool: lambda _name, number: number % 2 == 0,
    bytes: lambda name, number: f"{name} {number}".encode(),
    float: lambda _name, number: 1.7e9 + number,
    int: lambda _name, number: number,
    str: lambda name, number: f"{name} {number}",
}


@functools.cache
def _json(kind: Any) -> str:  # noqa: ANN401  # any type
    """With what every value of it must have, and nothing else: so are rows of before."""
    return TypeAdapter(Any).dump_json(_least(TypeAdapter(kind).json_schema())).decode()


def _least(schema: Mapping[str, Any], whole: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401  # JSON
    whole = whole or schema
    if "$ref" in schema:
        return _least(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _least(schema[key][0], whole)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: _least(schema["properties"][name], whole) for name in schema.get("required", [])}
    return {"array": [], "string": "a", "integer": 1, "number": 1.5, "boolean": False, "null": None}[schema["type"]]
