"""What happens, as it is told line by line, and what was not as it must be."""

import contextlib
import sys
import time
from dataclasses import dataclass, field
from typing import Final

from bot.demo.forge.hooks import wait_until
from tests.faults.place import Place
from tests.faults.quiet import look, violations

_QUIET: Final = 180.0


@dataclass(slots=True)
class Story:
    began: float = field(default_factory=time.monotonic)
    wrong: list[str] = field(default_factory=list)

    def tell(self, words: str) -> float:
        """Seconds since its begin."""
        at = time.monotonic() - self.began
        sys.stdout.write(f"{at:8.1f} s  {words}\n")
        sys.stdout.flush()
        return at

    def must(self, is_so: bool, words: str) -> None:
        if not is_so:
            self.wrong.append(words)
            self.tell(f"WRONG: {words}")

    def is_quiet(self, here: Place) -> None:
        """Nothing is left over, doubled or lost, sooner or later."""
        found: list[str] = []

        def is_so() -> bool:
            time.sleep(1)
            found[:] = violations(look(here))
            return not found

        with contextlib.suppress(TimeoutError):
            wait_until(is_so, _QUIET, "")
        for one in found:
            self.must(False, one)
        self.tell("all is quiet" if not found else "it does not become quiet")

    @property
    def end(self) -> str:
        """What is said at last."""
        return "\n".join(["", *(f"violated: {one}" for one in self.wrong), "" if self.wrong else "all is right", ""])
