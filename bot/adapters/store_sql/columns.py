"""Column types between the database's values and the domain's."""

import enum
import json
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.types import TypeDecorator

T = TypeVar("T")
E = TypeVar("E", bound=enum.StrEnum)

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A row's own number: SQLite counts up only what is called INTEGER."""


class Moment(TypeDecorator[datetime]):
    """An aware datetime as seconds since 1970, exact to the microsecond."""

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: sa.Dialect) -> float | None:
        return None if value is None else value.timestamp()

    def process_result_value(self, value: float | None, _dialect: sa.Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)


class Word(TypeDecorator[E], Generic[E]):
    """A member of an enumeration, as its text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: E | None, _dialect: sa.Dialect) -> str | None:
        return None if value is None else value.value

    def process_result_value(self, value: str | None, _dialect: sa.Dialect) -> E | None:
        return None if value is None else self.kind(value)


class Snapshot(TypeDecorator[T], Generic[T]):
    """A domain value as JSON; fields that are added later need defaults, so that old rows can be read."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: type[T]) -> None:
        super().__init__()
        self.kind = kind
        self._json: TypeAdapter[Any] = TypeAdapter(kind)

    def process_bind_param(self, value: T | None, _dialect: sa.Dialect) -> str | None:
        """Half a character, which JSON of pydantic's own can't hold, is left to `dialects.storable`."""
        if value is None:
            return None
        return json.dumps(self._json.dump_python(value, mode="json"), ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, _dialect: sa.Dialect) -> T | None:
        return None if value is None else self._json.validate_json(value)
