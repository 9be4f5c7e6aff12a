"""A first suite file for a repository, from the files at its root that say how it is tested (PRODUCT §2.7)."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LOOKED_AT: Final = (
    "pyproject.toml",
    "tox.ini",
    "noxfile.py",
    "setup.py",
    "uv.lock",
    "package.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "go.mod",
    "Cargo.toml",
    "Cargo.lock",
    "Makefile",
)
"""Names at the repository's root."""
_HEAD: Final = """\
# What Assay runs for pushes and pull requests. Proposed by `assay init` from {sources}: look it over,
# try it with `assay run`, check it with `assay lint`.
#
# Each suite runs in a container of its image. Only the checked out files and /tmp can be written there,
# so tools are installed below the checkout.

version: 1

suites:
"""
_EMPTY: Final = """\
  test:
    # Nothing here told how this repository is tested: name the image and the commands.
    image: debian:stable-slim
    run:
      - echo "put the commands of your tests here"
"""
_OLDEST_PYTHON: Final = 12
"""Minor version of the image, unless the project wants a newer one."""
_PYTHON: Final = re.compile(r">=?\s*3\.(\d{1,2})\b")
_GO: Final = re.compile(r"^go (1\.\d{1,3})\b", re.MULTILINE)
WORKFLOWS: Final = ".github/workflows"
"""The folder whose files may be among those that are looked at, too."""
_RUN: Final = re.compile(r"^[ \t]*(?:-[ \t]*)?run:[ \t]*([^\s|>\"'&*!#\[{%@`][^\n]{0,300}?)[ \t]*$", re.MULTILINE)
_TARGET: Final = re.compile(r"^(test|check)\s*:(?!=)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proposal:
    name: str
    why: str
    """What it was seen from."""
    image: str
    commands: Sequence[str]
    """As YAML has them."""
    timeout: str = "20m"


def propose(files: Mapping[str, str]) -> str:
    """The text of a suite file. `files`: those of `LOOKED_AT` and `WORKFLOWS` that are there, with their content."""
    found = [one for look in _LOOKS if (one := look(files))]
    if not found and (made := _make(files) or _workflows(files)):
        found = [made]
    sources = ", ".join(one.why for one in found) or "an empty form"
    return _HEAD.format(sources=sources) + ("\n".join(map(_suite, found)) or _EMPTY)


def _suite(one: _Proposal) -> str:
    commands = "\n".join(f"      - {command}" for command in one.commands)
    return f"  {one.name}:\n    image: {one.image}\n    timeout: {one.timeout}\n    run:\n{commands}\n"


def _python(files: Mapping[str, str]) -> _Proposal | None:
    names = [name for name in ("noxfile.py", "tox.ini", "pyproject.toml", "setup.py") if name in files]
    if not names:
        return None
    project = _toml(files.get("pyproject.toml", ""))
    metadata = _mapping(project.get("project"))
    wanted = _PYTHON.search(str(metadata.get("requires-python", "")))
    version = max(_OLDEST_PYTHON, int(wanted[1]) if wanted else 0)
    why, commands = _python_commands(names[0], files, metadata)
    enter = ["python -m venv .venv", ". .venv/bin/activate"]
    return _Proposal(name="python", why=why, image=f"python:3.{version}-slim", commands=[*enter, *commands])


def _python_commands(first: str, files: Mapping[str, str], metadata: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The runner that the project has chosen, else its tests themselves."""
    if first == "noxfile.py":
        return first, ["pip install nox", "nox"]
    if first == "tox.ini":
        return first, ["pip install tox", "tox"]
    extras = _mapping(metadata.get("optional-dependencies"))
    extra = next((name for name in ("test", "tests", "testing", "dev") if name in extras), "")
    if "uv.lock" in files:
        sync = f"uv sync --locked{f' --extra {extra}' if extra else ''}"
        return "uv.lock", ["pip install uv", "export UV_CACHE_DIR=.uv-cache", sync, "uv run pytest"]
    install = f'pip install -e ".[{extra}]"' if extra else "pip install -e . pytest"
    return first, [install, "pytest"]


def _node(files: Mapping[str, str]) -> _Proposal | None:
    if "package.json" not in files:
        return None
    scripts = _mapping(_json(files["package.json"]).get("scripts"))
    lock, tool, install = next((way for way in _NODE if way[0] in files), ("package.json", "npm", "npm install"))
    ready = [] if tool == "npm" else ["export COREPACK_HOME=$PWD/.corepack"]
    asked = [f"{tool} run {name}" for name in ("lint", "build", "test") if name in scripts]
    commands = ["export npm_config_cache=$PWD/.npm", *ready, install, *(asked or [f"{tool} test"])]
    return _Proposal(name="node", why=lock, image="node:22-slim", commands=commands)


_NODE: Final = (
    ("pnpm-lock.yaml", "corepack pnpm", "corepack pnpm install --frozen-lockfile"),
    ("yarn.lock", "corepack yarn", "corepack yarn install --frozen-lockfile"),
    ("package-lock.json", "npm", "npm ci"),
)
"""Lock file, how scripts are run, how what they need is installed."""


def _go(files: Mapping[str, str]) -> _Proposal | None:
    if "go.mod" not in files:
        return None
    version = _GO.search(files["go.mod"])
    folders = "export GOPATH=$PWD/.go GOCACHE=$PWD/.go/cache"
    image = f"golang:{version[1] if version else '1'}"
    return _Proposal(name="go", why="go.mod", image=image, commands=[folders, "go vet ./...", "go test ./..."])


def _rust(files: Mapping[str, str]) -> _Proposal | None:
    if "Cargo.toml" not in files:
        return None
    test = "cargo test --locked" if "Cargo.lock" in files else "cargo test"
    commands = ["export CARGO_HOME=$PWD/.cargo-home", test]
    return _Proposal(name="rust", why="Cargo.toml", image="rust:1-slim", commands=commands, timeout="30m")


def _make(files: Mapping[str, str]) -> _Proposal | None:
    """Where nothing else tells more: its targets need tools that nobody can see from here."""
    target = _TARGET.search(files.get("Makefile", ""))
    if not target:
        return None
    return _Proposal(name="make", why="Makefile", image="buildpack-deps:stable", commands=[f"make {target[1]}"])


def _workflows(files: Mapping[str, str]) -> _Proposal | None:
    """What their steps run in one line each; other steps, and what needs values of theirs, stay behind."""
    for name in sorted(one for one in files if one.startswith(f"{WORKFLOWS}/")):
        steps = dict.fromkeys(step for step in _RUN.findall(files[name]) if "${{" not in step and step.isprintable())
        if steps:
            commands = [json.dumps(step, ensure_ascii=False) for step in list(steps)[:_MOST_STEPS]]
            return _Proposal(name="ci", why=name, image="buildpack-deps:stable", commands=commands)
    return None


_MOST_STEPS: Final = 20


_LOOKS: Final[tuple[Callable[[Mapping[str, str]], _Proposal | None], ...]] = (_python, _node, _go, _rust)


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _json(text: str) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
