"""Access tokens: one algorithm, one key each, nothing that the token itself may choose (RELIABILITY S110, S111)."""

import base64
import json
from typing import Any

import jwt
import pytest

from bot.adapters.signer_jwt import JwtSigner
from bot.domain.errors import Refused

URL = "https://ci.example.org"
CLAIMS: dict[str, Any] = {
    "iss": URL,
    "aud": URL,
    "sub": "id1",
    "jti": "id2",
    "iat": 1,
    "exp": 901,
    "scope": "runs:read",
}
SIGNER = JwtSigner()
PRIVATE, PUBLIC = SIGNER.new_pair()


def read(text: str) -> object:
    assert SIGNER.key_of(text) == "k1"
    return SIGNER.claims(text, PUBLIC, URL)


def headed(**header: object) -> str:
    """Signed with our key, whatever its header says."""
    return jwt.encode(CLAIMS, PRIVATE, algorithm="EdDSA", headers={"kid": "k1", **header})


def forged(alg: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": alg, "typ": "JWT", "kid": "k1"}).encode()).rstrip(b"=")
    return ".".join([header.decode(), *headed().split(".")[1:]])


def test_what_was_signed_is_read() -> None:
    assert read(SIGNER.sign(CLAIMS, PRIVATE, "k1")) == CLAIMS


@pytest.mark.parametrize(
    "text",
    [
        forged("none"),
        forged("HS256"),
        jwt.encode(CLAIMS, "x" * 64, algorithm="HS256", headers={"kid": "k1"}),
        headed(jku="https://evil.example/keys"),
        headed(x5u="https://evil.example/cert"),
        headed(jwk={"kty": "OKP"}),
        headed(crit=["exp"]),
        headed(kid="../k1"),
        headed(kid=""),
        headed(typ="at"),
        jwt.encode(CLAIMS, PRIVATE, algorithm="EdDSA"),
        headed() + "A" * 100_000,
        headed().rpartition(".")[0],
        f"{headed()}.x",
        "a.b.c",
        "",
        "é.é.é",
    ],
)
def test_a_token_chooses_nothing(text: str) -> None:
    with pytest.raises(Refused):
        read(text)


@pytest.mark.parametrize("name", list(CLAIMS))
def test_nothing_may_be_missing(name: str) -> None:
    claims = {key: value for key, value in CLAIMS.items() if key != name}
    with pytest.raises(Refused):
        read(SIGNER.sign(claims, PRIVATE, "k1"))


@pytest.mark.parametrize(
    "change", [{"aud": "https://other"}, {"aud": [URL, "https://other"]}, {"iss": "https://other"}]
)
def test_a_token_for_another_server_is_none_here(change: dict[str, object]) -> None:
    with pytest.raises(Refused):
        read(SIGNER.sign(CLAIMS | change, PRIVATE, "k1"))


def test_another_key_is_another_signature() -> None:
    private, _ = SIGNER.new_pair()
    with pytest.raises(Refused):
        read(SIGNER.sign(CLAIMS, private, "k1"))
