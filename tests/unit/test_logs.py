"""Lines of the log, as the process writes them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.cli.logs import configure_logs
from bot.settings import Settings


class Log:
    def __init__(self, written: io.StringIO) -> None:
        self._written = written

    @property
    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self._written.getvalue().split("\n") if line]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    handlers, level = logging.root.handlers[:], logging.root.level
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logs(Settings(log_format="json"))
    yield Log(written)
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = handlers, level


def test_a_line_is_one_json_object_whatever_is_in_it(log: Log) -> None:
    structlog.get_logger().info("one", branch='a\n"b\x1b[31m\u202e\u2028', request="r1")
    logging.getLogger("some.library").warning("two\nlines")
    one, two = log.lines
    assert (one["event"], one["branch"], one["request"]) == ("one", 'a\n"b\x1b[31m\u202e\u2028', "r1")
    assert two["event"] == "two\nlines"


def test_a_long_text_is_cut_in_its_middle(log: Log) -> None:
    structlog.get_logger().info("one", error=f"begin{'x' * 100_000}end")
    (line,) = log.lines
    assert len(line["error"]) < 9000
    assert line["error"].startswith("begin")
    assert line["error"].endswith("end")


def test_so_is_a_traceback(log: Log) -> None:
    try:
        json.loads("{}")["y" * 100_000]
    except KeyError:
        structlog.get_logger().exception("one")
    (line,) = log.lines
    assert line["exception"].startswith("Traceback")
    assert len(line["exception"]) < 9000
