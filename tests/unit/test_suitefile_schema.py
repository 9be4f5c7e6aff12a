"""The JSON Schema that editors use says what the loader says, wherever a schema can know."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.app.suitefile import keys, parse, schema_text
from bot.domain.errors import InvalidSuiteFile

SCHEMA: dict[str, Any] = json.loads(schema_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


class Core(yaml.SafeLoader):
    """Types as editors see them (YAML 1.2): `no` is text, and a date too."""


Core.yaml_implicit_resolvers = {}
Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(?:true|false|True|False)$"), list("tfTF"))
Core.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("(?:~|null|)$"), ["~", "n", ""])
Core.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("[-+]?[0-9]+$"), list("-+0123456789"))
Core.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+\.[0-9]+$"), list("-+0123456789"))


def with_line(line: str) -> str:
    return f"suites:\n  unit:\n    image: box:1\n    run: x\n    {line}\n"


GOOD = [
    "suites: {a: {image: box, run: x}}",
    "version: 1\nsuites: {a: {image: box, run: [x, true, 5]}}",
    "version: '1'\nsuites: {0123: {image: ghcr.io/a/b:c, run: 'true'}}",
    "suites: {a: {image: 'box@sha256:" + "0f" * 32 + "', run: true}}",
    with_line("description: 3.10"),
    with_line("description:"),
    with_line("env: {A: 3.10, B: no, C: 12:30, D: 010, E: ~, F: , G: true, H: 2026-01-31, GIT_AUTHOR_NAME: x}"),
    with_line("env: {}"),
    with_line("timeout: 1d2h3m4s"),
    with_line("allow_failure: false"),
    with_line("when: {}"),
    with_line("when: {events: [push, pull_request, tag], branches: main, paths: ['**', '!docs/**']}"),
    with_line("when: {branches: [main, '!x'], paths: [a]}"),
]

BAD = [
    "{}",
    "[]",
    "text",
    "suites: {}",
    "suites: []",
    "suites:",
    "version: 2\nsuites: {a: {image: box, run: x}}",
    "jobs: {}\nsuites: {a: {image: box, run: x}}",
    "services: {}\nsuites: {a: {image: box, run: x}}",
    "suites: {a: {image: box}}",
    "suites: {a: {run: x}}",
    "suites: {a: }",
    "suites: {A: {image: box, run: x}}",
    "suites: {" + "a" * 64 + ": {image: box, run: x}}",
    "suites: {a b: {image: box, run: x}}",
    "suites: {a: {image: -v, run: x}}",
    "suites: {a: {image: 'a b', run: x}}",
    "suites: {a: {image: , run: x}}",
    "suites: {a: {image: " + "0f" * 32 + ", run: x}}",
    "suites: {a: {image: " + "a" * 256 + ", run: x}}",
    "suites: {a: {image: box, run: }}",
    "suites: {a: {image: box, run: ''}}",
    "suites: {a: {image: box, run: ' '}}",
    "suites: {a: {image: box, run: []}}",
    "suites: {a: {image: box, run: [a: b]}}",
    "suites: {a: {image: box, run: [[x]]}}",
    "suites: {a: {image: box, run: {a: b}}}",
    "suites: {" + ", ".join(f"a{n}: {{image: box, run: x}}" for n in range(101)) + "}",
    with_line("matrix: {python: [3.12]}"),
    with_line("privileged: true"),
    with_line("description: []"),
    with_line("env: [A]"),
    with_line("env: {A: []}"),
    with_line("env: {A-B: x}"),
    with_line("env: {PATH: x}"),
    with_line("env: {https_Proxy: x}"),
    with_line("env: {GIT_DIR: x}"),
    with_line("env: {ASSAY_X: x}"),
    with_line("env: {" + "A" * 65 + ": x}"),
    with_line("timeout: 10"),
    with_line("timeout: 0s"),
    with_line("timeout: 5"),
    with_line("timeout:"),
    with_line("timeout: '10'"),
    with_line("timeout: 1m1h"),
    with_line("allow_failure: yes"),
    with_line("allow_failure: 'true'"),
    with_line("allow_failure: 1"),
    with_line("when:"),
    with_line("when: [push]"),
    with_line("when: {events: push}"),
    with_line("when: {events: []}"),
    with_line("when: {events: [schedule]}"),
    with_line("when: {events: [deploy]}"),
    with_line("when: {labels: [a]}"),
    with_line("when: {paths: []}"),
    with_line("when: {paths: ''}"),
    with_line("when: {paths: '!a'}"),
    with_line("when: {branches: ['!a', '!b']}"),
    with_line("when: {paths: [" + "a" * 257 + "]}"),
    with_line("when: {paths: [" + "a, " * 101 + "]}"),
]


def loads(text: str) -> bool:
    try:
        parse("f", text.encode())
    except InvalidSuiteFile:
        return False
    return True


def validates(text: str) -> bool:
    return bool(VALIDATOR.is_valid(yaml.load(text, Loader=Core)))  # noqa: S506  # derived from the safe one


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", GOOD)
def test_both_take_what_is_good(text: str) -> None:
    assert (loads(text), validates(text)) == (True, True)


@pytest.mark.parametrize("text", BAD)
def test_both_refuse_what_is_bad(text: str) -> None:
    assert (loads(text), validates(text)) == (False, False)


@pytest.mark.parametrize(
    ("part", "known"),
    [
        (SCHEMA, keys.FILE),
        (SCHEMA["definitions"]["suite"], keys.SUITE),
        (SCHEMA["definitions"]["when"], keys.WHEN),
    ],
)
def test_both_know_the_same_keys(part: dict[str, Any], known: keys.Keys) -> None:
    assert set(part["properties"]) == known.read
    assert part["additionalProperties"] is False
    assert not known.read & known.later


def test_the_schema_promises_the_defaults_that_the_loader_uses() -> None:
    (suite,) = parse("f", b"suites: {a: {image: box, run: x}}").suites
    definitions = SCHEMA["definitions"]
    assert definitions["suite"]["properties"]["timeout"]["default"] == f"{suite.timeout // 60}m"
    assert definitions["suite"]["properties"]["allow_failure"]["default"] is suite.allow_failure
    assert definitions["when"]["properties"]["events"]["default"] == list(suite.when.events)


def examples() -> list[str]:
    guide = Path(__file__).parents[2] / "docs" / "suite-file.md"
    return re.findall(r"```yaml\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", examples())
def test_both_take_every_example_of_the_guide(text: str) -> None:
    assert (loads(text), validates(text)) == (True, True)
