"""The secrets as this process has them: opened when they are named, and known again where they come back.

What was read is kept until the store's mark of their state is another one, so a change by any process counts from the
next transaction on, and where there are no secrets nothing is done but look for that mark in the writer's memory.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.clock import new_id
from engine.core.redaction import Redactor, is_long
from engine.core.secrets import SecretScope, masked_scope
from engine.errors import Conflict, Invalid, PureBootError
from engine.keyring import Keyring
from engine.keys import VARIABLE
from engine.sealing import CannotOpen, SealingKey, key_id_of, seal, unseal
from engine.store import secrets as store
from engine.store.secrets import State
from engine.store.tx import Tx

T = TypeVar("T")

_log = logging.getLogger(__name__)

_LONG = 16 * 1024  # characters that are looked through in less than a millisecond
_LOST = "if the key is lost, delete what is sealed with it and set it again"


@dataclass(slots=True)
class _Loaded:
    """The secrets of one state of the store."""

    rev: str
    sealed: dict[str, str]
    values: dict[str, str] = field(default_factory=dict)
    redactor: Redactor | None = None
    made_with: tuple[SealingKey, ...] | None = None
    is_whole: bool = False


class Vault:
    """Opens and seals with the keys of this process. May be used by the writer's thread and the event loop at once."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring
        self._loaded: _Loaded | None = None
        self._told: set[tuple[str, str]] = set()

    async def prepare(self, *, make: bool = False) -> None:
        """Read the keys and what opens with them, which takes some 100 ms once; with `make`, make a key if there is
        none.

        Raises:
            Invalid: `PUREBOOT_SECRET_KEY` is too short.
            Unavailable: the key file cannot be used.
        """

        def ready() -> None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: F401 - so that it is there

            if make:
                self.keyring.ensure()
            self.keyring.all()

        await asyncio.to_thread(ready)

    def scope(self, tx: Tx) -> SecretScope:
        """The `secret` scope with its values, each opened when it is named, also after the transaction."""
        loaded = self._load(tx)
        return SecretScope(lambda name: self._value(loaded, name))

    def masked(self, tx: Tx) -> SecretScope:
        """The `secret` scope for a preview: the mask for each secret there is; needs no key."""
        return masked_scope(self.names(tx).__contains__)

    def names(self, tx: Tx) -> frozenset[str]:
        """The names of all secrets."""
        loaded = self._load(tx)
        return frozenset() if loaded is None else frozenset(loaded.sealed)

    def _value(self, loaded: _Loaded | None, name: str) -> str | None:
        if loaded is None or name not in loaded.sealed:
            return None
        return self._opened(loaded, name)

    def _opened(self, loaded: _Loaded, name: str) -> str:
        if name not in loaded.values:
            loaded.values[name] = self.open(loaded.sealed[name], about_secret(name), f"the secret {name}")
        return loaded.values[name]

    def redactor(self, tx: Tx) -> Redactor | None:
        """What replaces the values of all secrets; None where there are none. One that does not open is left out."""
        loaded = self._load(tx)
        if loaded is None:
            return None
        if not loaded.is_whole and loaded.made_with != (keys := self._keys()):
            values = [value for name in loaded.sealed if (value := self._known(loaded, name)) is not None]
            loaded.redactor = Redactor(values) if values else None
            loaded.made_with, loaded.is_whole = keys, len(values) == len(loaded.sealed)
        return loaded.redactor

    def _keys(self) -> tuple[SealingKey, ...]:
        try:
            return self.keyring.all()
        except PureBootError:
            return ()  # what to do about it is said of each secret that is not opened

    def _known(self, loaded: _Loaded, name: str) -> str | None:
        try:
            return self._opened(loaded, name)
        except PureBootError as error:
            if (name, loaded.sealed[name]) not in self._told:
                self._told.add((name, loaded.sealed[name]))
                _log.warning("%s; so its value is not masked in what machines send to this host", error)
            return None

    def _load(self, tx: Tx) -> _Loaded | None:
        state = store.state(tx)
        if state is None:
            return None
        loaded = self._loaded
        if loaded is None or loaded.rev != state.rev:
            loaded = self._loaded = _Loaded(state.rev, store.sealed(tx))
        return loaded

    @property
    def latest(self) -> Redactor | None:
        """The redactor made last: most likely the right one, for whoever does the work before the transaction."""
        return None if self._loaded is None else self._loaded.redactor

    async def beforehand(self, clean: Callable[[Redactor], T], value: T, *said: Any) -> tuple[T, Redactor | None]:
        """A value without secrets as far as they are known without asking the store, and by which redactor. Where much
        was `said` in it that is done in a thread, so that neither the event loop nor the writer has to wait for it.
        """
        redactor = self.latest
        if redactor is None:
            return value, None
        if not is_long(said, _LONG):
            return clean(redactor), redactor
        return await asyncio.to_thread(clean, redactor), redactor

    def text(self, tx: Tx, text: str, by: Redactor | None = None) -> str:
        """A text without secrets; `by` is the redactor that has seen it already."""
        redactor = self.redactor(tx)
        return text if redactor is None or redactor is by else redactor.text(text)

    def tree(self, tx: Tx, tree: Any, by: Redactor | None = None) -> Any:
        """A tree as JSON has it without secrets; `by` as for a text."""
        redactor = self.redactor(tx)
        return tree if redactor is None or redactor is by else redactor.tree(tree)

    def open(self, sealed: str, about: str, what: str) -> str:
        """Open a sealed value.

        Raises:
            Invalid: no key at hand opens it, or it is damaged; says what is to be done.
            Unavailable: the key file cannot be used.
        """
        try:
            return unseal(self.keyring.all(), sealed, about)
        except CannotOpen as error:
            raise Invalid(f"{what} cannot be opened: {error}; {self._advice(error)}") from None

    def _advice(self, error: CannotOpen) -> str:
        if error.key_id is None:
            return "set it again, or restore a backup of the store"
        if self.keyring.is_given:
            return f"give this host the same {self.keyring.place} as the others have; {_LOST}"
        return (
            f"copy {self.keyring.place} from the host that has the key or from its backup, or set "
            f"{VARIABLE} to the same on every host; {_LOST}"
        )

    def seal(self, tx: Tx, value: str, about: str) -> str:
        """Seal a value with the key that seals in this store. To be called after `prepare(make=True)`.

        Until a rotation that is always the same key, also where a newer one is at hand already: other hosts may not
        have that yet.

        Raises:
            Conflict: this host does not have that key.
        """
        return seal(self.sealing_key(tx), value, about)

    def sealing_key(self, tx: Tx) -> SealingKey:
        """The key that seals in this store; the newest at hand where nothing is sealed.

        Raises:
            Conflict: this host does not have it.
        """
        state = store.state(tx)
        keys = self.keyring.all()
        found = next((key for key in keys if state is not None and key.id == state.key_id), None)
        if found is not None:
            return found
        if state is not None and store.is_anything_sealed(tx):
            raise Conflict(
                f"secrets are sealed with the key {state.key_id} here, which this host does not have; "
                f"{self._advice(CannotOpen('', state.key_id))}"
            )
        if not keys:
            raise Conflict(f"there is no key to seal with: {self.keyring.place} is gone; try again")
        return keys[0]

    def note_key(self, tx: Tx, sealed: str) -> None:
        """Note by which key values are sealed here, once the first of them is kept."""
        key_id = key_id_of(sealed)
        before = store.state(tx)
        if before is None or before.key_id != key_id:
            store.set_state(tx, State(rev=new_id(), key_id=key_id))

    def changed(self, tx: Tx, key_id: str | None = None) -> None:
        """Note that secrets have changed, and by which key they are sealed if it is another one now."""
        before = store.state(tx)
        known = key_id or (before.key_id if before is not None else "")
        store.set_state(tx, State(rev=new_id(), key_id=known))


def about_secret(name: str) -> str:
    """What a secret's sealed value belongs to."""
    return f"secret:{name}"


def about_agent(agent_id: str) -> str:
    """What the sealed `auth_config` of a remote agent belongs to."""
    return f"agent:{agent_id}"


def about_trigger(trigger_id: str) -> str:
    """What the sealed secret of a webhook belongs to."""
    return f"trigger:{trigger_id}"
