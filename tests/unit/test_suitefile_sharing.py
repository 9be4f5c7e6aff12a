"""What suites take from `extends`, `defaults` and environments, and names that must stand elsewhere in the file."""

import pytest

from bot.app.suitefile import parse
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.suites import Network, Occasion, Ready, Service, Suite


def suites_of(text: str) -> dict[str, Suite]:
    return {suite.key: suite for suite in parse("f", text.encode(), later=frozenset()).suites}


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(InvalidSuiteFile) as caught:
        parse("f", text.encode(), later=frozenset())
    return list(caught.value.problems)


def test_an_environment_brings_its_image_limits_and_variables() -> None:
    text = """
environments:
  py: {image: "py:3", cpus: 1.5, memory: 512MiB, disk: 1.5GiB, network: services, user: 1000:100, workdir: src, env: {A: e}}
suites:
  unit: {environment: py, run: x}
"""  # noqa: E501  # as somebody would write it
    suite = suites_of(text)["unit"]
    assert (suite.image, suite.cpus, suite.memory, suite.disk) == ("py:3", 1.5, 512 << 20, 3 << 29)
    assert (suite.network, suite.user, suite.workdir, suite.env) == (Network.SERVICES, "1000:100", "src", {"A": "e"})


def test_the_nearest_variable_wins_suite_then_environment_then_defaults() -> None:
    text = """
environments: {e: {image: box, env: {B: environment, C: environment}}}
defaults: {environment: e, env: {A: defaults, B: defaults, C: defaults}}
suites: {unit: {run: x, env: {C: suite}}}
"""
    assert suites_of(text)["unit"].env == {"A": "defaults", "B": "environment", "C": "suite"}


def test_defaults_hold_where_nothing_is_said() -> None:
    text = """
environments: {e: {image: from-e}}
defaults: {environment: e, timeout: 20m, retries: 2, artifacts: {keep: 5d, store: on-failure}}
suites:
  a: {run: x, artifacts: {paths: [out/], store: always}}
  b: {run: x, image: own, timeout: 1m, retries: 0}
"""
    suites = suites_of(text)
    a, b = suites["a"], suites["b"]
    assert (a.image, a.timeout, a.retries) == ("from-e", 1200, 2)
    assert a.artifacts
    assert (a.artifacts.paths, a.artifacts.store, a.artifacts.keep) == (("out/",), "always", 5 * 86400)
    assert (b.image, b.timeout, b.retries, b.artifacts) == ("own", 60, 0, None)


def test_a_suite_that_extends_another_says_only_what_differs() -> None:
    text = """
suites:
  base:
    image: box:1
    run: x
    timeout: 5m
    env: {A: base, B: base}
    matrix: {v: [1, 2]}
    secrets: [S]
    when: {branches: [main], paths: [a]}
  child:
    extends: base
    run: [y]
    env: {B: child}
    secrets: []
    when: {events: [tag]}
"""
    suites = suites_of(text)
    child = suites["child (2)"]
    assert (child.image, child.timeout, child.commands, child.is_script) == ("box:1", 300, ("y",), False)
    assert (child.env, child.secrets) == ({"A": "base", "B": "child"}, ())
    assert (child.when.events, child.when.branches, child.when.paths) == ((Occasion.TAG,), (), ())
    assert suites["base (1)"].env == {"A": "base", "B": "base"}


def test_chains_are_followed_in_any_order_of_the_file() -> None:
    text = "suites: {c: {extends: b, timeout: 3m}, b: {extends: a, run: y}, a: {image: box, run: x, retries: 1}}"
    suites = suites_of(text)
    assert (suites["c"].image, suites["c"].commands, suites["c"].timeout) == ("box", ("y",), 180)
    assert [suites[name].retries for name in "abc"] == [1, 1, 1]


@pytest.mark.parametrize(
    ("parent", "child", "image"),
    [
        ("image: own", "environment: e", "from-e"),
        ("environment: e", "image: own", "own"),
        ("environment: e", "timeout: 1m", "from-e"),
    ],
)
def test_an_image_displaces_the_environment_and_the_other_way_round(parent: str, child: str, image: str) -> None:
    text = f"""
environments: {{e: {{image: from-e, cpus: 4}}}}
suites: {{a: {{{parent}, run: x}}, b: {{extends: a, {child}}}}}
"""
    assert suites_of(text)["b"].image == image


def test_a_long_chain_ends() -> None:
    links = "".join(f"  s{number}: {{extends: s{number + 1}}}\n" for number in range(99))
    suites = suites_of(f"suites:\n{links}  s99: {{image: box, run: x}}\n")
    assert suites["s0"].commands == ("x",)


def test_services_come_whole() -> None:
    text = """
services:
  db: {image: "pg:17", env: {P: test}, command: serve --now, memory: 256MiB, ready: {tcp: 5432, within: 45s}}
  web: {image: "web:1", ready: {http: 8080/up}}
suites: {unit: {image: box, run: x, services: [web, db, web]}}
"""
    assert suites_of(text)["unit"].services == (
        Service(name="web", image="web:1", ready=Ready(http="8080/up")),
        Service(
            name="db",
            image="pg:17",
            env={"P": "test"},
            command="serve --now",
            memory=256 << 20,
            ready=Ready(tcp=5432, within=45),
        ),
    )


ENVIRONMENTS = "environments: {py: {image: box}}\nservices: {db: {image: box}}\n"


@pytest.mark.parametrize(
    ("suites", "code", "place", "words"),
    [
        ("a: {environment: pyy, run: x}", "C201", (4, 20), 'suites.a.environment: there is no environment "pyy"'),
        ("a: {image: b, run: x, services: [dbb]}", "C201", (4, 36), 'suites.a.services: there is no service "dbb"'),
        ("a: {image: b, run: x, needs: [b]}", "C201", (4, 33), 'suites.a.needs: there is no suite "b"'),
        ("a: {extends: b, run: x}", "C201", (4, 16), 'suites.a.extends: there is no suite "b"'),
        ("a: {image: b, run: x, needs: [a]}", "C202", (4, 33), "a → a is a circle"),
        ("a: {extends: a}", "C203", (4, 16), "a → a is a circle"),
        ("a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}", "C203", (6, 16), "a → b → c → a is a circle"),
        ("a: {extends: b}\n  b: {extends: b}", "C203", (5, 16), "b → b is a circle"),
        (
            "a: {image: b, run: x, needs: [b, c]}\n  b: {extends: a, needs: [c]}\n  c: {extends: a, needs: [b]}",
            "C202",
            (6, 27),
            "suites.c.needs: b → c → b is a circle",
        ),
        ("a: {image: b, run: x, needs: [b]}\n  b: {extends: a}", "C202", (4, 33), "b → b is a circle"),
        ("a: {image: b, run: x, secrets: [T], env: {T: x}}", "C113", (4, 35), '"T" is also set by env'),
        ("a: {image: b, run: x, secrets: [LD_PRELOAD]}", "C110", (4, 35), "LD_PRELOAD"),
    ],
)
def test_names_that_stand_nowhere_and_circles(suites: str, code: str, place: tuple[int, int], words: str) -> None:
    (problem,) = problems_of(f"{ENVIRONMENTS}suites:\n  {suites}\n")
    assert (problem.code, (problem.line, problem.column)) == (code, place)
    assert words in problem.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("suites: {a: {environment: pyy, run: x}}", 'did you mean "py"?'),
        ("suites: {unit: {image: b, run: x}, b: {image: b, run: x, needs: [unti]}}", 'did you mean "unit"?'),
        ("suites: {a: {image: b, run: x}}\nnotify: [{channel: t, suites: [aa]}]", 'did you mean "a"?'),
        ("suites: {a: {image: b, run: x, matrix: {python: [1], exclude: [{pyton: 1}]}}}", 'did you mean "python"?'),
        ("suites: {a: {image: b, run: x, when: {start: manuel}}}", 'did you mean "manual"?'),
    ],
)
def test_a_name_that_stands_nowhere_comes_with_a_guess(text: str, words: str) -> None:
    (problem,) = problems_of(f"{ENVIRONMENTS}{text}\n")
    assert problem.help == words


def test_a_fault_that_several_suites_inherit_is_told_once() -> None:
    text = "suites: {a: {image: b, run: x, timeout: 5}, b: {extends: a}, c: {extends: a}}"
    assert [one.code for one in problems_of(text)] == ["C109"]


def test_variables_of_all_sources_together_have_a_limit() -> None:
    half = "x" * 40_000
    text = f"""
environments: {{e: {{image: box, env: {{A: {half}}}}}}}
suites: {{unit: {{environment: e, run: x, env: {{B: {half}}}}}}}
"""
    assert [(one.code, one.line) for one in problems_of(text)] == [("C110", 3)]
