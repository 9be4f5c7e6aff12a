"""Schedules, resources, outputs and what holds for the whole file; keys that come later; warnings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.suitefile import LATER, fill_files, keys, parse
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.suites import (
    Artifacts,
    ChecksPer,
    CommentWhen,
    Notify,
    Occasion,
    PullRequests,
    Reports,
    Schedule,
    Send,
    Store,
    Suite,
    SuiteFile,
    When,
)


def read(text: str) -> SuiteFile:
    return parse("f", text.encode(), later=frozenset())


def problems_of(text: str, later: frozenset[str] = frozenset()) -> list[Problem]:
    with pytest.raises(InvalidSuiteFile) as caught:
        parse("f", text.encode(), later=later)
    return list(caught.value.problems)


def with_line(line: str) -> str:
    return f"suites:\n  unit:\n    image: box:1\n    run: x\n    {line}\n"


def unit(line: str) -> Suite:
    return read(with_line(line)).suites[0]


def test_every_other_key_of_a_suite_arrives() -> None:
    suite = unit("""no_output_timeout: 10m
    retries: 3
    secrets: [TOKEN, OTHER]
    reports: {junit: a.xml, tap: [t/*.tap, "!t/x.tap"], coverage: c.xml, sarif: s.sarif, optional: true}
    artifacts: {paths: [dist/, "*.png"], store: on-failure, keep: 14d, link: dist/index.html}
    when:
      events: [schedule, manual]
      schedule: {cron: 30 2 * * mon-fri, timezone: Europe/Berlin}
      labels: [preview, "ci/*"]
      start: manual
""")
    assert (suite.no_output_timeout, suite.retries, suite.secrets) == (600, 3, ("TOKEN", "OTHER"))
    assert suite.reports == Reports(
        junit=("a.xml",), tap=("t/*.tap", "!t/x.tap"), coverage=("c.xml",), sarif=("s.sarif",), optional=True
    )
    assert suite.artifacts == Artifacts(
        paths=("dist/", "*.png"), store=Store.ON_FAILURE, keep=14 * 86400, link="dist/index.html"
    )
    assert suite.when == When(
        events=(Occasion.SCHEDULE, Occasion.MANUAL),
        labels=("preview", "ci/*"),
        schedule=Schedule(cron="30 2 * * mon-fri", timezone="Europe/Berlin"),
        manual=True,
    )


def test_what_holds_for_the_whole_file_arrives() -> None:
    file = read("""
drafts: false
test_merge: true
pull_requests: {comment: always, annotations: 0, cancel_superseded: false, checks: cell}
notify:
  - channel: team
  - {channel: ops, branches: [main, "release/*"], suites: [unit], send: failures}
suites: {unit: {image: box, run: x}}
""")
    assert (file.drafts, file.test_merge) == (False, True)
    assert file.pull_requests == PullRequests(
        comment=CommentWhen.ALWAYS, annotations=0, cancel_superseded=False, checks=ChecksPer.CELL
    )
    assert file.notify == (
        Notify(channel="team"),
        Notify(channel="ops", branches=("main", "release/*"), suites=("unit",), send=Send.FAILURES),
    )


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("when: {schedule: daily}", 22, "five fields of cron"),
        ("when: {schedule: 0 3 * *}", 22, "five fields of cron"),
        ("when: {schedule: 0 0 3 * * *}", 22, "five fields of cron"),
        ("when: {schedule: 60 3 * * *}", 22, "bad minute"),
        ("when: {schedule: 0 3 30 2 *}", 22, "bad day-of-month"),
        ("when: {schedule: 0 3 * * */0}", 22, "bad day-of-week"),
        ("when: {schedule: 5-1 3 * * *}", 22, "bad minute"),
        ("when: {schedule: {cron: 0 3 * * *, timezone: Mars/Base}}", 50, 'no time zone "Mars/Base"'),
        ("when: {schedule: {cron: 0 3 * * *, timezone: ../../etc/passwd}}", 50, "no time zone"),
        ("retries: 4", 14, "from 0 to 3, not 4"),
        ("shards: 65", 13, "from 1 to 64, not 65"),
        ("shards: 010", 13, "from 1 to 64, not 010"),
        ("shards: '2'", 13, 'not "2"'),
        ("no_output_timeout: 31d", 24, 'at most "30d"'),
        ("artifacts: {paths: a, keep: 9999d}", 33, 'at most "3650d"'),
        ("artifacts: {paths: a, store: never}", 34, "write always, on-failure, not never"),
        ("artifacts: {paths: ../a}", 24, "repository's root"),
        ("artifacts: {paths: a/..}", 24, "repository's root"),
        ("artifacts: {paths: a, link: a/../../b}", 33, "leaves the checked-out commit"),
        ("reports: {junit: ~/x}", 22, "repository's root"),
        ("when: {labels: [a, '!x']}", 24, "can't be excluded"),
        ('when: {paths: ["a\\nb"]}', 20, "one line"),
    ],
)
def test_a_bad_line_is_one_problem_at_its_place(line: str, column: int, words: str) -> None:
    (problem,) = problems_of(with_line(line))
    assert (problem.code, problem.line, problem.column) == ("C109", 5, column)
    assert words in problem.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("memory: 2", 'write "2MiB" or "2GiB"'),
        ("memory: 2GB", "is not a size"),
        ("memory: 1KiB", 'from "16MiB"'),
        ("memory: 9999999GiB", 'to "4096GiB"'),
        ("disk: -1GiB", "is not a size"),
        ("disk: 1e9g", "is not a size"),
        ("cpus: NaN", "not NaN"),
        ("cpus: 1e3", "not 1e3"),
        ("cpus: 0", "above 0"),
        ("network: host", "write none, services, internet, not host"),
        ("user: root", "not root"),
        ("user: 0", "a user that is not root"),
        ("user: '1000:0'", "a user that is not root"),
        ("workdir: /", "leaves the checked-out commit"),
    ],
)
def test_resources_beyond_reason_are_refused(line: str, words: str) -> None:
    (problem,) = problems_of(f"environments:\n  e:\n    image: box\n    {line}\n{with_line('timeout: 1m')}")
    assert (problem.code, problem.line) == ("C109", 4)
    assert words in problem.message


@pytest.mark.parametrize(
    ("user", "advice"),
    [
        ("0", "no suite runs as root"),
        ("root", "no suite runs as root"),
        ("'0:1000'", "no suite runs as root"),
        ("'1000:root'", "no suite runs as root"),
        ("postgres", "a name could mean root"),
        ("'1000:www-data'", "a name could mean root"),
        ("-5", "a name could mean root"),
    ],
)
def test_users_that_are_refused_are_refused_with_the_reason(user: str, advice: str) -> None:
    (problem,) = problems_of(f"environments:\n  e:\n    image: box\n    user: {user}\n{with_line('timeout: 1m')}")
    assert (problem.code, problem.line, problem.column) == ("C109", 4, 11)
    assert problem.help.startswith(advice)


@pytest.mark.parametrize(
    "key", ["privileged", "volumes", "devices", "cap_add", "security_opt", "runtime", "extra_hosts"]
)
@pytest.mark.parametrize("what", ["environments", "services"])
def test_keys_that_would_open_the_sandbox_are_not_known(key: str, what: str) -> None:
    (problem,) = problems_of(f"{what}:\n  e: {{image: box, {key}: true}}\n{with_line('timeout: 1m')}")
    assert (problem.code, problem.line, problem.column) == ("C101", 2, 19)


def test_the_key_of_a_cache_gets_the_digests_of_its_files() -> None:
    suite = unit("cache: {key: 'a-${{ files:b.lock }}-${{files:*.txt}}', paths: [.c]}")
    assert suite.cache
    assert fill_files(suite.cache.key, {"b.lock": "1", "*.txt": "2"}.__getitem__) == "a-1-2"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (
            "file.environments",
            "environments: {e: {image: box, cpus: nonsense}}\nsuites: {a: {environment: e, run: x}}",
        ),
        ("file.defaults", "defaults: {environment: e}\nsuites: {a: {run: x}}"),
        ("file.notify", "notify: nonsense\nsuites: {a: {image: box, run: x}}"),
        ("suite.matrix", "suites: {a: {image: box, run: x, matrix: nonsense}}"),
        ("suite.extends", "suites: {a: {extends: b}}"),
        ("suite.environment", "suites: {a: {environment: b, run: x}}"),
        ("when.labels", "suites: {a: {image: box, run: x, when: {labels: []}}}"),
        ("when.events.schedule", "suites: {a: {image: box, run: x, when: {events: [schedule]}}}"),
        ("environment.cpus", "environments: {e: {image: box, cpus: 1}}\nsuites: {a: {environment: e, run: x}}"),
    ],
)
def test_a_key_that_comes_later_is_refused_by_itself_and_is_not_looked_into(key: str, text: str) -> None:
    (problem,) = problems_of(text, later=frozenset({key}))
    assert problem.code == "C103"
    assert f'"{key.rpartition(".")[2]}" is not supported by this version of Assay yet' in problem.message


def test_keys_that_come_later_are_keys() -> None:
    known = {f"{part.section}.{name}" for part in keys.ALL for name in part.names}
    assert known | {f"when.events.{one}" for one in Occasion} >= LATER


def test_the_product_refuses_what_comes_later_unless_told_otherwise() -> None:
    parse("f", b"suites: {a: {image: box, run: x, when: {events: [push], branches: a}}}")
    assert parse("f", b"drafts: false\nsuites: {a: {image: box, run: x}}", later=frozenset()).drafts is False


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("environments: {e: {image: 'b:1'}}\n" + with_line("retries: 0"), "W301", (1, 16)),
        ("services: {e: {image: 'b:1'}}\n" + with_line("retries: 0"), "W301", (1, 12)),
        ("suites: {a: {image: box, run: x}}", "W302", (1, 21)),
        ("suites: {a: {image: 'box:latest', run: x}}", "W302", (1, 21)),
        ("suites: {a: {image: 'host:5000/box', run: x}}", "W302", (1, 21)),
        (with_line("when: {events: [schedule]}"), "W303", (2, 3)),
        (with_line("needs: [b]\n  b: {image: 'b:1', run: x, when: {events: [tag]}}"), "W303", (5, 13)),
        (with_line("needs: [b]\n  b: {image: 'b:1', run: x, allow_failure: true}"), "W304", (5, 13)),
        (with_line("when: {schedule: 0 3 * * *}"), "W305", (2, 3)),
        (with_line("when: {events: [push], labels: [a]}"), "W305", (2, 3)),
        (with_line("when: {events: [schedule], schedule: '0 3 * * *', start: manual}"), "W305", (2, 3)),
    ],
)
def test_what_was_probably_not_meant_is_a_warning(text: str, code: str, place: tuple[int, int]) -> None:
    (warning,) = read(text).warnings
    assert (warning.code, (warning.line, warning.column)) == (code, place)


@pytest.mark.parametrize(
    "line",
    [
        "when: {events: [schedule, manual], schedule: 0 3 * * *}",
        "when: {events: [manual]}",
        "needs: [b]\n  b: {image: 'b:1', run: x}",
        "shards: 2",
    ],
)
def test_a_decent_file_has_no_warnings(line: str) -> None:
    assert read(with_line(line)).warnings == ()


def codes_of(text: str) -> set[str]:
    try:
        read(text)
    except InvalidSuiteFile as error:
        return {one.code for one in error.problems}
    return set()


@given(st.text(max_size=40))
def test_any_text_as_a_schedule_gives_suites_or_problems(cron: str) -> None:
    assert codes_of(with_line(f"when: {{schedule: {json.dumps(cron)}}}")) <= {"C001", "C002", "C008", "C109"}


@given(st.lists(st.sampled_from(["0", "7", "59", "*", "/", ",", "-", "#", "L", "W", "mon", " ", "1"]), max_size=30))
def test_any_mixture_of_cron_gives_suites_or_problems(parts: list[str]) -> None:
    assert codes_of(with_line(f"when: {{events: [schedule], schedule: {json.dumps(''.join(parts))}}}")) <= {"C109"}
