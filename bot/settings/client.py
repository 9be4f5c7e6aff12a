"""What commands that ask a server take from the environment of whoever calls them."""

import os
from pathlib import Path
from typing import Final

NAMES: Final = frozenset({"ASSAY_SERVER", "ASSAY_TOKEN"})


def server() -> str:
    return os.environ.get("ASSAY_SERVER", "")


def token() -> str:
    return os.environ.get("ASSAY_TOKEN", "")


def config_folder() -> Path:
    """XDG Base Directory Specification."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return Path(home) if home else Path.home() / ".config"
