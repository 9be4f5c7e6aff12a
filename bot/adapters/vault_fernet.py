"""Secrets at rest under Fernet (AES-128-CBC, HMAC-SHA256); several keys while they are rotated."""

import binascii
import os
import tempfile
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.domain.errors import Refused

_KEY_SIZE: Final = 32
_SETTING: Final = "ASSAY_SECRET_KEY"
_ADVICE: Final = "make one with: openssl rand -base64 32"


class FernetVault:
    def __init__(self, keys: Sequence[str]) -> None:
        """The first key encrypts, each decrypts; 32 random bytes in base64 (RFC 4648 §4 or §5).

        Raises:
            Refused: no key, or one of another form; the message does not show it.
        """
        if not keys:
            raise Refused(f"{_SETTING} must not be empty; {_ADVICE}")
        self._fernet = MultiFernet([Fernet(_key_of(key, place)) for place, key in enumerate(keys, 1)])

    def encrypt(self, data: bytes) -> bytes:
        return self._fernet.encrypt(data)

    def decrypt(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise _locked() from error

    def renew(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as error:
            raise _locked() from error


def new_key() -> str:
    return Fernet.generate_key().decode("ascii")


def load_or_make_key(path: Path) -> str:
    """The key in that file, which only we can read; made when there is none, by one of many that start together.

    Raises:
        Refused: the file can't be read or made.
    """
    try:
        if not path.exists():
            _make(path)
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"the key of the secrets in {path} can't be read or made: {error}; or set {_SETTING}"
        ) from error


def _make(path: Path) -> None:
    """The file appears whole or not at all, and never in place of another; a lost key would cost every secret."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{new_key()}\n")
            file.flush()
            os.fsync(handle)
        try:
            path.hardlink_to(made)
        except FileExistsError:
            return
        _sync(path.parent)
    finally:
        made.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _key_of(text: str, place: int) -> bytes:
    plain = text.strip().rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        key = b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"{_SETTING}: key {place} is not base64; {_ADVICE}") from error
    if len(key) != _KEY_SIZE:
        raise Refused(f"{_SETTING}: key {place} has {len(key)} bytes, not {_KEY_SIZE}; {_ADVICE}")
    return urlsafe_b64encode(key)


def _locked() -> Refused:
    return Refused(
        f"a stored secret can't be decrypted: {_SETTING} (or secret.key in the data directory) lacks the key that it"
        " was stored with; add that key at the end of the list, or set the secret again"
    )
