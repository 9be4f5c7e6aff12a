"""`when.schedule`: times in cron's language, in UTC or in a time zone that is named."""

import re
import zoneinfo
from datetime import UTC, datetime
from functools import cache
from typing import Final

from cronsim import CronSim, CronSimError

from bot.app.suitefile import keys, values
from bot.app.suitefile.fields import fields
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Mapping, Node, Text
from bot.domain.suites import Schedule

_CRON: Final = re.compile(r"[0-9A-Za-z*,/#-]+(?: +[0-9A-Za-z*,/#-]+){4}")
_CRON_MAX: Final = 100
"""Characters."""
_FORM: Final = 'five fields: minute, hour, day of the month, month, day of the week, as in "0 3 * * mon-fri"'
_ANY_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)


def next_time(schedule: Schedule, after: datetime) -> datetime:
    """The first one that is later, as Debian's cron has it where clocks are changed.

    A fixed time that is left out comes at the end of the gap, one that comes twice counts the first time; what is for
    every hour, or goes by a step, follows the time that really passes, and is left out with the hour it names.
    """
    return next(CronSim(schedule.cron, after.astimezone(zoneinfo.ZoneInfo(schedule.timezone)))).astimezone(UTC)


def schedule(node: Node, where: str, found: Findings) -> Schedule | None:
    if not isinstance(node, Mapping):
        cron = _cron(node, where, found)
        return Schedule(cron=cron) if cron else None
    given = fields(node, keys.SCHEDULE, where, found)
    if "cron" not in given.there:
        found.add("C102", node.place, f'{where}: "cron" is missing')
    cron = given.get("cron", _cron)
    zone = given.get("timezone", _timezone)
    return Schedule(cron=cron, timezone=zone or "UTC") if cron else None


def _cron(node: Node, where: str, found: Findings) -> str | None:
    word = values.text(node, where, found)
    if word is None:
        return None
    fault = _cron_fault(word)
    if fault:
        found.add("C109", word.place, f"{where}: {quoted(word.value)}: {fault}", _FORM)
        return None
    return word.value


def _cron_fault(word: Text) -> str:
    if len(word.value) > _CRON_MAX or not _CRON.fullmatch(word.value):
        return "these are not the five fields of cron"
    try:
        CronSim(word.value, _ANY_DAY)
    except CronSimError as error:
        return str(error).lower()
    return ""


def _timezone(node: Node, where: str, found: Findings) -> str | None:
    word = values.text(node, where, found)
    if word is None:
        return None
    known = _timezones()
    if word.value in known:
        return word.value
    near = values.meant(Text(word.value.title(), word.place), known)
    advice = near or 'write it like "Europe/Berlin"'
    found.add("C109", word.place, f"{where}: there is no time zone {quoted(word.value)}", advice)
    return None


@cache
def _timezones() -> frozenset[str]:
    """The system's; to list them costs hundreds of file reads."""
    return frozenset(zoneinfo.available_timezones())
