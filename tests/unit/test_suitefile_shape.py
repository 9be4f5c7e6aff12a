"""From a suite file to suites: what every key means, and what is said when it can't."""

import pytest

from bot.app.suitefile import parse
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.suites import Occasion, Suite, SuiteFile, When


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidSuiteFile) as caught:
        parse(".assay.yml", text.encode(), later=frozenset())
    return caught.value.problems


def with_line(line: str) -> str:
    """A good suite and one line more, the fifth; values begin in column 5."""
    return f"suites:\n  unit:\n    image: box:1\n    run: x\n    {line}\n"


def test_the_smallest_file_has_the_defaults() -> None:
    file = parse(".assay.yml", b"suites:\n  unit:\n    image: python:3.12-slim\n    run: pytest\n")
    suite = Suite(name="unit", image="python:3.12-slim", commands=("pytest",), line=2)
    assert file == SuiteFile(path=".assay.yml", suites=(suite,))
    assert (suite.timeout, suite.allow_failure) == (1800, False)
    assert suite.when.events == (Occasion.PUSH, Occasion.PULL_REQUEST)


def test_every_key_of_a_plain_suite_arrives() -> None:
    text = """
version: 1
suites:
  unit:
    description: All tests, on the oldest Python
    image: ghcr.io/acme/ci:2026-11
    run:
      - make install
      - |
        make test
        make lint
    env: {DEBUG: 1, EMPTY: }
    timeout: 1h30m
    when:
      events: [push, tag, push]
      branches: [main, "release/*"]
      paths: web/**
    allow_failure: true
"""
    (suite,) = parse(".assay.yml", text.encode()).suites
    assert suite == Suite(
        name="unit",
        description="All tests, on the oldest Python",
        image="ghcr.io/acme/ci:2026-11",
        commands=("make install", "make test\nmake lint\n"),
        is_script=False,
        env={"DEBUG": "1", "EMPTY": ""},
        timeout=5400,
        allow_failure=True,
        when=When(events=(Occasion.PUSH, Occasion.TAG), branches=("main", "release/*"), paths=("web/**",)),
        line=4,
    )


def test_suites_keep_the_order_of_the_file() -> None:
    text = "suites: {z: {image: a, run: x}, a: {image: a, run: x}, m: {image: a, run: x}}"
    assert [suite.name for suite in parse("f", text.encode()).suites] == ["z", "a", "m"]


@pytest.mark.parametrize(
    "command", ["""echo "it's" '$(id)' `x` \\ %s""", "printf 'a\\nb'", "true", "5", "~", "echo é 🙂 # no comment"]
)
def test_a_command_is_handed_on_to_the_letter(command: str) -> None:
    (suite,) = parse("f", f"suites:\n  u:\n    image: a\n    run: |-\n      {command}\n".encode()).suites
    assert (suite.commands, suite.is_script) == ((command,), True)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("14d", 1209600), ("1d1h1m1s", 90061), ("'5m'", 300)],
)
def test_durations(written: str, seconds: int) -> None:
    (suite,) = parse("f", with_line(f"timeout: {written}").encode()).suites
    assert suite.timeout == seconds


@pytest.mark.parametrize(
    ("line", "code", "column", "words"),
    [
        ("timeout: 10", "C109", 14, 'write "10m" or "10s"'),
        ("timeout: 0", "C109", 14, "more than nothing"),
        ("timeout: 0m", "C109", 14, "more than nothing"),
        ("timeout: -5m", "C109", 14, '"-5m" is not a duration'),
        ("timeout: 1m1h", "C109", 14, "is not a duration"),
        ("timeout: 1.5h", "C109", 14, "is not a duration"),
        ("timeout: 1e9s", "C109", 14, "is not a duration"),
        ("timeout: NaN", "C109", 14, "is not a duration"),
        ("timeout: 10M", "C109", 14, "is not a duration"),
        ("timeout: \u0661m", "C109", 14, "is not a duration"),
        ("timeout: 31d", "C109", 14, 'at most "30d"'),
        ("timeout: 9999999d", "C109", 14, 'at most "30d"'),
        ("timeout: 99999999999999999999d", "C109", 14, "is not a duration"),
        ("timeout: ", "C109", 13, "is not a duration"),
        ("timeout: [1m]", "C109", 14, "must be text, not a list"),
        ("allow_failure: yes", "C109", 20, "write true or false, not yes"),
        ("allow_failure: True", "C109", 20, "not True"),
        ("allow_failure: 'true'", "C109", 20, 'not "true"'),
        ("allow_failure: 1", "C109", 20, "not 1"),
        ("allow_failure: {}", "C109", 20, "must be text, not a mapping"),
        ("description: [a]", "C109", 18, "must be text"),
        ("env: [A=b]", "C109", 10, "must be a mapping, not a list"),
        ("env: {A: [b]}", "C109", 14, "suites.unit.env.A: this must be text"),
        ("env: {'': x}", "C110", 11, "is not the name of a variable"),
        ("env: {A=B: x}", "C110", 11, "is not the name of a variable"),
        ("env: {1A: x}", "C110", 11, "is not the name of a variable"),
        ("env: {Ä: x}", "C110", 11, "is not the name of a variable"),
        ('env: {"A\\n": x}', "C110", 11, "is not the name of a variable"),
        ("when:", "C109", 10, "must be a mapping, not empty"),
        ("when: {events: push}", "C109", 20, "must be a list, not text"),
        ("when: {events: []}", "C109", 20, "never runs"),
        ("when: {events: [Push]}", "C109", 21, 'no event "Push"'),
        ("when: {paths: []}", "C109", 19, "an empty list matches nothing"),
        ("when: {paths: }", "C109", 19, "matches nothing"),
        ('when: {paths: "!docs/**"}', "C109", 19, "exclusions alone match nothing"),
        ('when: {branches: ["!main"]}', "C109", 22, "exclusions alone match nothing"),
        ("when: {paths: [./web]}", "C109", 20, "count from the repository's root"),
        ('when: {paths: ["#a"]}', "C109", 20, "is a comment"),
        ('when: {paths: [a, "[z-a]"]}', "C109", 23, "not a glob"),
        ("when: {branches: refs/heads/main}", "C109", 22, "without refs/heads/"),
        ("when: {paths: {a: b}}", "C109", 19, "must be text"),
        (f"when: {{paths: {'a' * 257}}}", "C109", 19, "at most 256 characters"),
        ("when: {branch: main}", "C101", 12, '"branch" is not a known key here'),
        ("artefacts: [dist/]", "C101", 5, '"artefacts" is not a known key here'),
        ("privileged: true", "C101", 5, "is not a known key here"),
        ("volumes: ['/:/host']", "C101", 5, "is not a known key here"),
        ("network: host", "C101", 5, "is not a known key here"),
        ("user: root", "C101", 5, "is not a known key here"),
        ("security_opt: [x]", "C101", 5, "is not a known key here"),
        ('"\\x1b[31m": x', "C101", 5, '"" is not a known key here'),
    ],
)
def test_a_bad_line_is_the_only_problem_and_has_its_place(line: str, code: str, column: int, words: str) -> None:
    (problem,) = problems_of(with_line(line))
    assert (problem.code, problem.line, problem.column) == (code, 5, column)
    assert words in problem.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("artefacts: [dist/]", 'did you mean "artifacts"?'),
        ("Timeout: 1m", 'did you mean "timeout"?'),
        ("enviroment: x", 'did you mean "environment"?'),
        ("script: x", 'did you mean "run"?'),
        ("continue-on-error: true", 'did you mean "allow_failure"?'),
        ("when: {branch: [main]}", 'did you mean "branches"?'),
        ("when: {events: [pull-request]}", 'did you mean "pull_request"?'),
        ("when: {events: [merge_request]}", 'did you mean "pull_request"?'),
        ("when: {events: push}", "write [push]"),
        ("env: {LD_PRELOAD: x}", "export LD_PRELOAD=…"),
        ('when: {paths: ["!a"]}', 'put "**" before them'),
    ],
)
def test_advice(line: str, words: str) -> None:
    assert words in problems_of(with_line(line))[0].help


@pytest.mark.parametrize("line", ["zzzzzzz: 1", f"{'timeout' * 50}: 1"])
def test_no_advice_is_better_than_a_wild_guess(line: str) -> None:
    assert problems_of(with_line(line))[0].help == ""


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PATH",
        "DOCKER_HOST",
        "BASH_ENV",
        "ENV",
        "IFS",
        "GIT_DIR",
        "GIT_SSH_COMMAND",
        "HTTP_PROXY",
        "https_proxy",
        "No_Proxy",
        "CI",
        "ASSAY",
        "ASSAY_SUITE",
        "GIT_AUTHOR_NAME_",
        "A" * 65,
    ],
)
def test_variables_that_are_not_for_suites(name: str) -> None:
    (problem,) = problems_of(with_line(f"env: {{{name}: x}}"))
    assert (problem.code, problem.column) == ("C110", 11)
    assert name[:59] in problem.message


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONPATH",
        "HOME",
        "GIT_AUTHOR_NAME",
        "GIT_COMMITTER_EMAIL",
        "NODE_ENV",
        "path",
        "CI_X",
        "_",
        "ENVIRONMENT",
        "A" * 64,
        "PROXY",
        "LDFLAGS",
    ],
)
def test_variables_that_are(name: str) -> None:
    (suite,) = parse("f", with_line(f"env: {{{name}: x}}").encode()).suites
    assert suite.env == {name: "x"}


def test_all_variables_together_have_a_limit() -> None:
    fits, bursts = "x" * (64 * 1024 - 1), "x" * (64 * 1024)
    assert parse("f", with_line(f"env: {{A: {fits}}}").encode()).suites
    assert [one.code for one in problems_of(with_line(f"env: {{A: {bursts}}}"))] == ["C110"]


@pytest.mark.parametrize(
    "name",
    [
        "box",
        "python:3.12-slim",
        "ghcr.io/acme/web-ci:2026-11",
        "localhost:5000/a/b_c",
        "my__image",
        "a.b/c-d--e:_x",
        "box@sha256:" + "0f" * 32,
        "box:1@sha256:" + "0f" * 32,
        "127.0.0.1:80/x",
        "cafe",
    ],
)
def test_names_of_images(name: str) -> None:
    (suite,) = parse("f", f"suites:\n  u:\n    image: {name}\n    run: x\n".encode()).suites
    assert suite.image == name


@pytest.mark.parametrize(
    "name",
    [
        "-v",
        "--privileged",
        "../x",
        "a/../b",
        "a b",
        "a;b",
        "$IMAGE",
        "https://x/y",
        "'a:'",
        ":a",
        "a@sha256:00",
        "a//b",
        "Box",
        "/a",
        "a/",
        "a..b",
        "sha256:" + "0f" * 32,
        "0f" * 32,
        "x" * 256,
        "~",
        "'a\n\n  b'",
        "é",
        "''",
    ],
)
def test_what_is_no_name_of_an_image(name: str) -> None:
    (problem,) = problems_of(f"suites:\n  u:\n    image: {name}\n    run: x\n")
    assert (problem.code, problem.line, problem.column) == ("C112", 3, 12)


@pytest.mark.parametrize(
    ("run", "line", "words"),
    [
        ("[pytest -k 'a: b']", 4, 'command 1 was read as a mapping because it holds ": "'),
        ("\n      - ok\n      - pytest -k 'a: b'", 6, "command 2 was read as a mapping"),
        ("[[a]]", 4, "command 1 was read as a list"),
        ("['']", 4, "command 1 is empty"),
        ("\n      - ", 5, "command 1 is empty"),
        ("[]", 4, "there is no command"),
        ("", 4, "there is no command"),
        ("' '", 4, "there is no command"),
        ("{a: b}", 4, "must be text or a list of texts"),
        ("x" * 128 * 1024, 4, "shorter than 128 KiB"),
        (f"[{'x' * 57 * 1024}]", 4, "at most 56 KiB together"),
    ],
)
def test_bad_commands(run: str, line: int, words: str) -> None:
    (problem,) = problems_of(f"suites:\n  u:\n    image: a\n    run: {run}\n")
    assert (problem.code, problem.line) == ("C109", line)
    assert words in problem.message


@pytest.mark.parametrize("name", ["Unit", "a b", "-a", ".a", "", "a/b", "é", "x" * 64, "a:b", "'a\n\n  '", "\u017f"])
def test_names_that_no_suite_can_have(name: str) -> None:
    (problem,) = problems_of(f"suites:\n  ? {name}\n  : {{image: a, run: x}}\n")
    assert (problem.code, problem.line) == ("C111", 2)


def test_names_that_differ_only_in_case_never_stand_together() -> None:
    problems = problems_of("suites:\n  unit: {image: a, run: x}\n  UNIT: {image: a, run: x}\n")
    assert [(one.code, one.line, one.help) for one in problems] == [("C111", 3, 'write it "unit"')]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\n", [("C102", 1, 1)]),
        ("version: 2\nsuites: {a: {image: b, run: x}}\n", [("C109", 1, 10)]),
        ("suites:\n", [("C109", 1, 8)]),
        ("suites: {}\n", [("C109", 1, 9)]),
        ("suites: [a]\n", [("C109", 1, 9)]),
        ("suites:\n  a:\n  b: x\n", [("C109", 2, 5), ("C109", 3, 6)]),
        ("suites:\n  a: {}\n", [("C102", 2, 3), ("C102", 2, 3)]),
        ("suites:\n  a: {image: b}\n", [("C102", 2, 3)]),
        ("suites:\n  a: {run: b}\n", [("C102", 2, 3)]),
        ("suites:\n  a: {run: b, environment: py}\n", [("C201", 2, 28)]),
        ("suites:\n  a: {extends: b}\n", [("C201", 2, 16)]),
        ("defaults: {environment: py}\nsuites:\n  a: {run: b}\n", [("C201", 1, 25)]),
        ("defaults: {timeout: 5m}\nsuites:\n  a: {run: b}\n", [("C102", 3, 3)]),
        ("suites:\n  a: {image: b, environment: c, run: x}\n", [("C104", 2, 30), ("C201", 2, 30)]),
        ("- a\n", [("C109", 1, 1)]),
        ("a text\n", [("C109", 1, 1)]),
        ("on: push\nsuites: {a: {image: b, run: x}}\n", [("C101", 1, 1)]),
        ("notify: {}\nsuites: {a: {image: b, run: x}}\n", [("C109", 1, 9)]),
    ],
)
def test_the_frame_of_the_file(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert [(one.code, one.line, one.column) for one in problems_of(text)] == expected


def test_a_hundred_suites_are_allowed_and_the_next_is_not() -> None:
    suites = [f"  s{number}: {{image: a, run: x}}\n" for number in range(101)]
    assert len(parse("f", f"suites:\n{''.join(suites[:100])}".encode()).suites) == 100
    assert [(one.code, one.line) for one in problems_of(f"suites:\n{''.join(suites)}")] == [("C007", 102)]


def test_all_problems_are_found_in_one_pass_and_sorted() -> None:
    text = """suites:
  unit:
    timeout: 10
    image: box:1
    run: "true"
    artefacts: [dist/]
  lint:
    image: -box
    environment: py
    run:
      - pytest -k 'a: b'
    allow_failure: yes
"""
    assert [(one.code, one.line, one.column) for one in problems_of(text)] == [
        ("C109", 3, 14),
        ("C101", 6, 5),
        ("C112", 8, 12),
        ("C104", 9, 18),
        ("C201", 9, 18),
        ("C109", 11, 9),
        ("C109", 12, 20),
    ]


def test_a_problem_ends_where_its_value_ends() -> None:
    problems = problems_of(with_line("timeout: 'ten minutes'"))
    assert [(one.column, one.end_column) for one in problems] == [(14, 27)]
