"""Where secrets are locked up before they are stored."""

from typing import Protocol


class Vault(Protocol):
    def encrypt(self, data: bytes) -> bytes:
        """With the newest key; different each time."""

    def decrypt(self, sealed: bytes) -> bytes:
        """Raises: Refused: none of our keys opens it, or it was changed. The message names the setting."""

    def renew(self, sealed: bytes) -> bytes:
        """The same under the newest key. Raises: Refused, as above."""
