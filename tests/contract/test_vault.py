"""What every vault must do, and where Fernet's key comes from."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.vault_fernet import FernetVault, load_or_make_key, new_key
from bot.domain.errors import Refused
from bot.ports.vault import Vault

OLD: Final = new_key()
NEW: Final = new_key()
RAW: Final = bytes(range(200, 232))
"""Its base64 has both characters in which the two alphabets differ."""


def vault_of(*keys: str) -> Vault:
    return FernetVault(keys)


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_again_and_never_looks_the_same(data: bytes) -> None:
    vault = vault_of(OLD)
    first, second = vault.encrypt(data), vault.encrypt(data)
    assert first != second
    assert vault.decrypt(first) == vault.decrypt(second) == data
    assert len(data) < 8 or data not in first


def test_a_new_key_in_front_still_opens_what_the_old_one_sealed() -> None:
    assert vault_of(NEW, OLD).decrypt(vault_of(OLD).encrypt(b"value")) == b"value"


def test_what_is_renewed_needs_the_old_key_no_longer() -> None:
    renewed = vault_of(NEW, OLD).renew(vault_of(OLD).encrypt(b"value"))
    assert vault_of(NEW).decrypt(renewed) == b"value"


def test_the_first_key_seals() -> None:
    sealed = vault_of(NEW, OLD).encrypt(b"value")
    with pytest.raises(Refused):
        vault_of(OLD).decrypt(sealed)


@given(st.binary(max_size=200))
def test_what_was_never_sealed_is_refused_with_the_setting_named(sealed: bytes) -> None:
    with pytest.raises(Refused, match="ASSAY_SECRET_KEY"):
        vault_of(OLD).decrypt(sealed)
    with pytest.raises(Refused, match="ASSAY_SECRET_KEY"):
        vault_of(OLD).renew(sealed)


@given(st.data())
def test_a_changed_seal_is_refused(data: st.DataObject) -> None:
    vault = vault_of(OLD)
    sealed = bytearray(base64.urlsafe_b64decode(vault.encrypt(b"value")))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Refused):
        vault.decrypt(base64.urlsafe_b64encode(sealed))


@pytest.mark.parametrize(
    "spelling",
    [
        base64.urlsafe_b64encode(RAW).decode(),
        base64.b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode().rstrip("="),
        f" {base64.b64encode(RAW).decode()}\n",
    ],
)
def test_a_key_may_come_in_either_alphabet_of_base64(spelling: str) -> None:
    sealed = vault_of(base64.urlsafe_b64encode(RAW).decode()).encrypt(b"value")
    assert vault_of(spelling).decrypt(sealed) == b"value"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "key 2 has 0 bytes"),
        ("correct horse battery staple", "key 2 is not base64"),
        (base64.b64encode(b"x" * 31).decode(), "key 2 has 31 bytes"),
        (base64.b64encode(b"x" * 33).decode(), "key 2 has 33 bytes"),
        ("kéy" * 20, "key 2 is not base64"),
    ],
)
def test_a_key_of_another_form_is_refused_without_showing_it(key: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        vault_of(OLD, key)
    assert not key or key not in str(refused.value)


def test_a_vault_without_a_key_is_refused() -> None:
    with pytest.raises(Refused, match="must not be empty"):
        vault_of()


def test_the_key_file_is_made_once_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    key = load_or_make_key(path)
    assert load_or_make_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]
    assert vault_of(key).decrypt(vault_of(key).encrypt(b"value")) == b"value"


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(load_or_make_key, [tmp_path / "secret.key"] * 16))
    assert len(keys) == 1


@pytest.mark.parametrize("name", ["missing/secret.key", "folder"])
def test_a_key_file_that_cannot_be_made_or_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Refused, match=rf"{name}.*ASSAY_SECRET_KEY"):
        load_or_make_key(tmp_path / name)
