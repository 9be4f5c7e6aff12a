"""People prove at a forge who they are: OAuth 2 with a code, `state` and PKCE (RFC 6749 §4.1, RFC 7636)."""

from typing import Protocol

from bot.domain.refs import Person


class SignIn(Protocol):
    def address(self, *, state: str, verifier: str, redirect: str) -> str:
        """Where the browser is sent; the forge sends it back to `redirect` with `state` and a code."""

    def person(self, *, code: str, verifier: str, redirect: str) -> Person:
        """Exchange the code, once, and ask who that is; what the forge lends us for it is thrown away.

        Raises:
            Refused: the forge doesn't take the code (used, old, another's) or doesn't say who it is.
            ForgeUnavailable.
        """
