"""Values sealed with a key: what the store holds of a secret.

AES-256-GCM, with a fresh nonce of 96 random bits for each value. What a value belongs to (`secret:NAME`, `trigger:ID`)
and the key's id are authenticated with it, so that whoever may write to the store cannot put one secret's value in the
place of another's, which a node might then be told. Fernet, and so MultiFernet, has no place for such associated data,
no name of the key (each one would be tried in turn, and nobody could say which is missing), and uses a shorter key.

A sealed value is text: `v1.KEY.DATA`, with the key's id and the nonce, the encrypted value and the tag in base64.

A key's id follows from the key, so it is the same on every host. Keys of text are made slow to guess (scrypt): a backup
of a store, which holds what is sealed, may come into anybody's hands.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.errors import PureBootError

KEY_BYTES = 32
_FORM = "v1"
_NONCE_BYTES = 12
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024}


class CannotOpen(PureBootError):
    """A sealed value that no key at hand opens; `key_id` is that of the key that is missing, None if it is damaged."""

    def __init__(self, message: str, key_id: str | None = None) -> None:
        super().__init__(message)
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key and what it is called."""

    id: str
    key: bytes = field(repr=False)


def key_of_bytes(material: bytes) -> SealingKey:
    """The key made of random bytes."""
    key = hmac.new(material, b"pureboot secrets 1: key", hashlib.sha256).digest()
    return SealingKey(hmac.new(key, b"pureboot secrets 1: id", hashlib.sha256).hexdigest()[:12], key)


def key_of_text(text: str) -> SealingKey:
    """The key made of a text that a person chose; takes some 60 ms, and is no work for the event loop."""
    return key_of_bytes(hashlib.scrypt(text.encode(), salt=b"pureboot secrets 1", dklen=KEY_BYTES, **_SCRYPT))


def seal(key: SealingKey, value: str, about: str) -> str:
    """Seal a value that belongs to `about`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key.key).encrypt(nonce, value.encode(), _bound(key.id, about))
    return f"{_FORM}.{key.id}.{base64.b64encode(nonce + sealed).decode()}"


def unseal(keys: Iterable[SealingKey], sealed: str, about: str) -> str:
    """Open a sealed value that belongs to `about`.

    Raises:
        CannotOpen: none of the keys is the right one, or it is damaged or belongs to something else.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key_id = key_id_of(sealed)
    key = next((each for each in keys if each.id == key_id), None)
    if key is None:
        raise CannotOpen(f"it is sealed with the key {key_id}, which is not here", key_id)
    try:
        data = base64.b64decode(sealed.rpartition(".")[2], validate=True)
        opened = AESGCM(key.key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound(key.id, about))
        return opened.decode()
    except (InvalidTag, ValueError, binascii.Error):
        raise CannotOpen("what the store holds of it was changed or damaged") from None


def key_id_of(sealed: str) -> str:
    """The id of the key that a value is sealed with.

    Raises:
        CannotOpen: it is no sealed value.
    """
    form, _, rest = sealed.partition(".")
    key_id, dot, _ = rest.partition(".")
    if form != _FORM or not dot:
        raise CannotOpen("what the store holds of it is not of a form that this PureBoot knows")
    return key_id


def _bound(key_id: str, about: str) -> bytes:
    return f"{_FORM}\0{key_id}\0{about}".encode()
