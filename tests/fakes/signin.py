"""A forge's sign-in in memory: whoever comes with a code that was given out, once, is let in."""

from dataclasses import dataclass, field

from bot.domain.errors import ForgeUnavailable, Refused
from bot.domain.refs import Person


@dataclass
class FakeSignIn:
    codes: dict[str, tuple[Person, str]] = field(default_factory=dict)
    """By code: who said yes, and to which verifier."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """State, verifier and redirect of every sign-in that began."""
    down: bool = False

    def allow(self, person: Person) -> tuple[str, str]:
        """The person says yes to what was asked last: state and code."""
        state, verifier, _ = self.asked[-1]
        code = f"code-{len(self.codes)}-{person.login}"
        self.codes[code] = (person, verifier)
        return state, code

    def address(self, *, state: str, verifier: str, redirect: str) -> str:
        self.asked.append((state, verifier, redirect))
        return f"https://github.example/authorize?state={state}"

    def person(self, *, code: str, verifier: str, redirect: str) -> Person:
        if self.down:
            raise ForgeUnavailable("no answer")
        person, wanted = self.codes.pop(code, (None, ""))
        if person is None or verifier != wanted or redirect not in [one[2] for one in self.asked]:
            raise Refused("the forge did not take the code")
        return person
