"""Access tokens: who signs them, and where the keys are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    id: str
    """Made by us; tokens carry it."""
    private: bytes = field(repr=False)
    """As the vault sealed it."""
    public: bytes
    created_at: datetime


class Signer(Protocol):
    """JSON Web Tokens (RFC 7519) of one algorithm."""

    def new_pair(self) -> tuple[bytes, bytes]:
        """A private key and its public one."""

    def sign(self, claims: Mapping[str, object], private: bytes, key: str) -> str:
        """`key`: the id for the token's header."""

    def key_of(self, text: str) -> str:
        """The id in the header. Raises: Refused: not a token such as `sign` makes."""

    def claims(self, text: str, public: bytes, issuer: str) -> Mapping[str, object]:
        """All that such a token says, once its signature, issuer and audience are right; its times are the caller's.

        Raises: Refused.
        """


class SigningKeys(Protocol):
    """A part of the store."""

    def add(self, key: SigningKey) -> None: ...

    def get(self, key: str) -> SigningKey | None: ...

    def newest(self) -> SigningKey | None: ...

    def forget(self, before: datetime) -> None:
        """Those that were made earlier."""
