"""Who gives a command on the server, as the audit calls them."""

import getpass
import os


def actor() -> str:
    """By name; by number where the machine has none for it, as in a container with a user of its own."""
    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = f"user {os.getuid()}"
    return f"command line: {who}"
