"""The system calls that a job may make; everything else is refused with EPERM.

`seccomp.json` is in the engine's format, one group of calls per rule. For x86-64 and arm64 only, without their 32-bit
modes: a 32-bit call ends its process by SIGSYS.
"""

import json
from importlib.resources import files
from typing import Final

_PROFILE: Final = files(__package__).joinpath("seccomp.json").read_text(encoding="utf-8")

SECCOMP: Final = json.dumps(json.loads(_PROFILE), separators=(",", ":"))
"""The profile as one line, for `security_opt`."""
