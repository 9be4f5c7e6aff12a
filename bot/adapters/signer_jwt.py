"""Access tokens as JWT, signed with Ed25519 and read strictly (RELIABILITY S110, S111)."""

import re
from collections.abc import Mapping
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.types import Options

from bot.domain.errors import Refused

_ALGORITHM: Final = "EdDSA"
_LONGEST: Final = 4096
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_KEY: Final = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_CLAIMS: Final = ("iss", "aud", "sub", "jti", "iat", "exp", "scope")


class JwtSigner:
    def new_pair(self) -> tuple[bytes, bytes]:
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, claims: Mapping[str, object], private: bytes, key: str) -> str:
        return jwt.encode(dict(claims), private, algorithm=_ALGORITHM, headers={"kid": key})

    def key_of(self, text: str) -> str:
        if len(text) > _LONGEST or not _SHAPE.fullmatch(text):
            raise Refused("not an access token")
        try:
            header = jwt.get_unverified_header(text)
        except jwt.PyJWTError as error:
            raise Refused("not an access token") from error
        key = header.pop("kid", None)
        # Nothing else is ours to say: no crit, no jku, no key of its own.
        if header != {"alg": _ALGORITHM, "typ": "JWT"} or not isinstance(key, str) or not _KEY.fullmatch(key):
            raise Refused("not an access token of ours")
        return key

    def claims(self, text: str, public: bytes, issuer: str) -> Mapping[str, object]:
        # The times are compared with the application's clock.
        options: Options = {
            "require": list(_CLAIMS),
            "strict_aud": True,
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        }
        try:
            found: dict[str, object] = jwt.decode(
                text,
                public,
                algorithms=[_ALGORITHM],
                audience=issuer,
                issuer=issuer,
                options=options,
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Refused("the access token is not valid") from error
        return found
