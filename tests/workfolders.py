"""Folders as people work in them: a git repository with files, and `assay` in it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_WHO: Final = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(  # noqa: S603 - no shell
        ["/usr/bin/env", "git", *_WHO, *args], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    """On branch main, with one commit of these files."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, files)
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "All of it")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
