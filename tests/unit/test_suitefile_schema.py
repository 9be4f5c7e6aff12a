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


def with_top(text: str) -> str:
    return f"{text}\nsuites: {{unit: {{image: box:1, run: x}}}}\n"


def environment(line: str) -> str:
    return f"environments: {{e: {{image: box:1, {line}}}}}\nsuites: {{unit: {{environment: e, run: x}}}}\n"


def service(line: str) -> str:
    return f"services: {{s: {{image: box:1, {line}}}}}\nsuites: {{unit: {{image: box:1, run: x, services: [s]}}}}\n"


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
    with_line("matrix: {python: [3.9, 3.10, true], os-name: [debian]}"),
    with_line("matrix: {python: [3.9], include: [{python: 3.10, allow_failure: true}], exclude: [{python: 3.9}]}"),
    with_line("matrix: {include: [{a: 1}, {a: 2, b: 1}]}"),
    with_line("description: On ${{ matrix.a }}\n    matrix: {a: [x]}"),
    with_line("secrets: [A, B_2]"),
    with_line("secrets: []"),
    with_line("no_output_timeout: 10m"),
    with_line("retries: 3"),
    with_line("shards: 64"),
    with_line("runs_on: gpu"),
    with_line("runs_on: []"),
    with_line("runs_on: [gpu, x86-64, 5]"),
    with_line("runs_on: 'cpu-${{ matrix.a }}'\n    matrix: {a: [x]}"),
    with_line("needs: []"),
    with_line("needs: [b]\n  b: {image: box, run: x}"),
    with_line("reports: {}"),
    with_line("reports: {junit: out/*.xml, tap: [a, '!b'], coverage: c.xml, sarif: s.sarif, optional: true}"),
    with_line("artifacts: {}"),
    with_line("artifacts: {paths: [dist/, a/*.png], store: on-failure, keep: 14d, link: dist/index.html}"),
    with_line("cache: {key: 'npm-${{ files:package-lock.json }}', paths: [.npm]}"),
    with_line(
        "cache: {key: 'a-${{ matrix.a }}-${{files: uv.lock}}', paths: '${{ matrix.a }}/x'}\n    matrix: {a: [x]}"
    ),
    with_line("when: {events: [schedule, manual], schedule: 0 3 * * mon-fri, start: manual}"),
    with_line("when: {events: [schedule], schedule: {cron: '*/15 0-6 1,15 * *', timezone: Europe/Berlin}}"),
    with_line("when: {labels: [preview, 'ci/*'], paths_ignore: docs/}"),
    with_line("when: {labels: preview, start: automatic}"),
    "suites: {a: {image: 'py:${{ matrix.v }}', run: x, matrix: {v: [1]}}, b: {extends: a}}",
    "suites: {a: {image: box, run: x}, b: {extends: a, run: y, when: {}}}",
    "environments: {e: {image: box}}\ndefaults: {environment: e, timeout: 20m, retries: 1}\nsuites: {a: {run: x}}",
    with_top("defaults: {env: {A: 1}, artifacts: {keep: 5d}}"),
    "environments: {e-1: {image: box}}\nsuites: {a: {environment: 'e-${{ matrix.n }}', run: x, matrix: {n: [1]}}}",
    "defaults: {}\nsuites: {a: {image: box, run: x}}",
    "services: {s-1: {image: b}}\nsuites: {a: {image: b, run: x, services: ['s-${{matrix.n}}'], matrix: {n: [1]}}}",
    environment("cpus: 0.5, memory: 512MiB, disk: 1.5GiB, network: none, user: 1000, workdir: a/b, env: {A: 1}"),
    environment("cpus: 4, network: services, user: '1000:1000'"),
    environment("workdir: ..a/b..c"),
    service("env: {A: x}, command: serve --now, memory: 1GiB, ready: {tcp: 5432, within: 45s}"),
    service("ready: {http: 8080/health}"),
    service("ready: {http: 8080}"),
    service("ready: {command: pg_isready -U x}"),
    with_top("drafts: false"),
    with_top("test_merge: true"),
    with_top("pull_requests: {comment: never, annotations: 0, cancel_superseded: false, checks: cell}"),
    with_top("pull_requests: {}"),
    "suites: {a: {image: box, run: x, retry: {select: 'pytest @.failed'}}}",
    with_top("quarantine: []"),
    with_top("quarantine: [{tests: 'a::*', issue: 'https://forge.test/i/1', until: 2027-01-31}]"),
    with_top("quarantine: [{tests: [a, 'b ?'], issue: 'http://forge.test/1', until: '2027-01-31'}]"),
    with_top("notify: []"),
    with_top("notify: [{channel: team, branches: [main], suites: [unit], send: all}, {channel: ops}]"),
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
    with_line("when: {events: [deploy]}"),
    with_line("when: {paths: []}"),
    with_line("when: {paths: ''}"),
    with_line("when: {paths: '!a'}"),
    with_line("when: {branches: ['!a', '!b']}"),
    with_line("when: {paths: [" + "a" * 257 + "]}"),
    with_line("when: {paths: [" + "a, " * 101 + "]}"),
    with_line("when: {paths: ./a}"),
    with_line("when: {paths_ignore: [a, b/../c]}"),
    with_line("when: {labels: ['!a']}"),
    with_line("when: {labels: []}"),
    with_line("when: {start: later}"),
    with_line("when: {schedule: daily}"),
    with_line("when: {schedule: 0 3 * *}"),
    with_line("when: {schedule: {timezone: UTC}}"),
    with_line("when: {schedule: {cron: 0 3 * * *, zone: UTC}}"),
    with_line("when: {schedule: [0 3 * * *]}"),
    with_line("env: {A: '${{ matrix.x }}'}\n    matrix: {x: [1]}"),
    with_line("env: {MATRIX_A: x}"),
    with_line("environment: e"),
    with_line("matrix: {}"),
    with_line("matrix: []"),
    with_line("matrix: {a: x}"),
    with_line("matrix: {a: []}"),
    with_line("matrix: {a: ['']}"),
    with_line("matrix: {a: [x, x]}"),
    with_line("matrix: {a: [[x]]}"),
    with_line("matrix: {a: ['${{ x }}']}"),
    with_line("matrix: {1a: [x]}"),
    with_line("matrix: {a b: [x]}"),
    with_line("matrix: {allow_failure: [x]}"),
    with_line("matrix: {a: [" + "x" * 101 + "]}"),
    with_line("matrix: {a: [x], include: {a: y}}"),
    with_line("matrix: {a: [x], include: [{}]}"),
    with_line("matrix: {a: [x], include: [{a: y, allow_failure: maybe}]}"),
    with_line("matrix: {a: [x, y], exclude: [{a: y, allow_failure: true}]}"),
    with_line("matrix: {a: [x, y], exclude: [{a: [y]}]}"),
    with_line("secrets: A"),
    with_line("secrets: [lower]"),
    with_line("secrets: [PATH]"),
    with_line("secrets: [ASSAY_X]"),
    with_line("no_output_timeout: 10"),
    with_line("retries: 4"),
    with_line("retries: -1"),
    with_line("retries: '1'"),
    with_line("retries: 1.5"),
    with_line("shards: 0"),
    with_line("shards: 65"),
    with_line("runs_on: GPU"),
    with_line("runs_on: ['']"),
    with_line("runs_on: {a: b}"),
    with_line("runs_on: [a b]"),
    with_line("needs: b"),
    with_line("needs: [[b]]"),
    with_line("services: s"),
    with_line("reports: junit.xml"),
    with_line("reports: {xunit: a}"),
    with_line("reports: {junit: ../a}"),
    with_line("reports: {optional: no}"),
    with_line("artifacts: [dist/]"),
    with_line("artifacts: {paths: []}"),
    with_line("artifacts: {paths: a/..}"),
    with_line("artifacts: {paths: a, store: never}"),
    with_line("artifacts: {paths: a, keep: 5}"),
    with_line("artifacts: {paths: a, link: ../x}"),
    with_line("artifacts: {paths: a, link: /x}"),
    with_line("cache: {key: a}"),
    with_line("cache: {paths: a}"),
    with_line("cache: {key: '', paths: a}"),
    with_line("cache: {key: 'a${{ secrets.X }}', paths: a}"),
    with_line("cache: {key: 'a${{ matrix.x', paths: a}"),
    with_line("cache: {key: a, paths: ~/.npm}"),
    with_line("cache: {key: a, paths: 'a${{ files:x }}'}"),
    with_line("description: '${{ x }}'"),
    with_line("extends: Unit"),
    "suites: {a: {image: 'b:${{ files:x }}', run: x}}",
    "suites: {a: {image: 'b:${{ matrix.x', run: x, matrix: {x: [1]}}}",
    "suites: {a: {image: b, run: 'echo ${{ matrix.x }}', matrix: {x: [1]}}}",
    "suites: {a: {image: b, run: ['echo ${{ matrix.x }}'], matrix: {x: [1]}}}",
    "suites: {a: {image: b, extends: b, environment: c}, b: {image: box, run: x}}",
    with_top("environments: []"),
    with_top("environments: {e: {}}"),
    with_top("environments: {E: {image: box}}"),
    with_top("services: {s: {run: x}}"),
    with_top("defaults: {image: box}"),
    with_top("defaults: {when: {}}"),
    with_top("drafts: no"),
    with_top("test_merge: 1"),
    with_top("pull_requests: {comment: sometimes}"),
    with_top("pull_requests: {annotations: 501}"),
    with_top("pull_requests: {checks: none}"),
    "suites: {a: {image: box, run: x, retry: {}}}",
    "suites: {a: {image: box, run: x, retry: {select: ''}}}",
    "suites: {a: {image: box, run: x, retry: {select: '${{ matrix.a }}', other: 1}}}",
    with_top("quarantine: {tests: a}"),
    with_top("quarantine: [{tests: a, until: 2027-01-31}]"),
    with_top("quarantine: [{tests: '**', issue: 'https://forge.test/i/1', until: 2027-01-31}]"),
    with_top("quarantine: [{tests: [], issue: 'https://forge.test/i/1', until: 2027-01-31}]"),
    with_top("quarantine: [{tests: a, issue: '#77', until: 2027-01-31}]"),
    with_top("quarantine: [{tests: a, issue: 'https://forge.test/i/1', until: soon}]"),
    with_top("notify: {channel: a}"),
    with_top("notify: [{send: all}]"),
    with_top("notify: [{channel: A}]"),
    with_top("notify: [{channel: a, send: green}]"),
    environment("cpus: 0"),
    environment("cpus: 257"),
    environment("cpus: -1"),
    environment("cpus: .nan"),
    environment("cpus: '2'"),
    environment("memory: 2"),
    environment("memory: 2GB"),
    environment("memory: -2GiB"),
    environment("disk: 1e9GiB"),
    environment("network: host"),
    environment("user: root"),
    environment("user: 0"),
    environment("user: '1:0'"),
    environment("workdir: /etc"),
    environment("workdir: a/../../b"),
    environment("workdir: ~/x"),
    environment("privileged: true"),
    environment("volumes: [/:/host]"),
    service("network: host"),
    service("ready: {}"),
    service("ready: {within: 5s}"),
    service("ready: {tcp: 1, command: x}"),
    service("ready: {tcp: 0}"),
    service("ready: {tcp: 65536}"),
    service("ready: {http: localhost}"),
    service("ready: {command: ''}"),
    service("command: [a]"),
]


def loads(text: str) -> bool:
    try:
        parse("f", text.encode(), later=frozenset())
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


def part_of(section: str) -> dict[str, Any]:
    """Where the schema describes that mapping."""
    definitions: dict[str, dict[str, Any]] = SCHEMA["definitions"]
    parts: dict[str, dict[str, Any]] = {
        "file": SCHEMA,
        "ready": definitions["service"]["properties"]["ready"],
        "schedule": definitions["when"]["properties"]["schedule"]["anyOf"][1],
    }
    return {**definitions, **parts}[section]


@pytest.mark.parametrize("known", keys.ALL, ids=lambda known: known.section)
def test_both_know_the_same_keys(known: keys.Keys) -> None:
    part = part_of(known.section)
    assert set(part["properties"]) == known.names
    assert part["additionalProperties"] is False


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
