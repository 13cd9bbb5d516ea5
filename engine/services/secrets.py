"""What can be done with secrets. Values go in here; they come out only where a template or a parameter names them."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from engine.core.events import Kind, NewEvent
from engine.core.page import Page
from engine.core.secrets import Secret, check_value, parse_secret_name
from engine.core.trigger_config import Webhook
from engine.errors import Conflict, PureBootError
from engine.keys import VARIABLE
from engine.sealing import SealingKey, seal
from engine.services.context import Context
from engine.services.vault import about_agent, about_secret, about_trigger
from engine.store import agents, events
from engine.store import secrets as store
from engine.store.tx import Tx

_log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """A secret that was set: whether it is new, and what is to be said of its value if anything is."""

    secret: Secret
    is_new: bool
    warning: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A rotation: the key that seals now, how many secrets, webhooks and agents that was, how many keys it dropped."""

    key_id: str
    secrets: int
    webhooks: int
    agents: int
    dropped: int


class Secrets:
    """Secrets: set, list, delete, rotate their key. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._vault = context.vault

    async def find(self, page: Page) -> tuple[list[Secret], int]:
        """A page of the secrets without their values, and how many there are."""
        return await self._context.database.read(lambda tx: store.find(tx, page))

    async def names(self) -> frozenset[str]:
        """The names of all secrets, for checks of texts that name them."""
        return await self._context.database.read(self._vault.names)

    async def set(self, name: str, value: str, *, by: str) -> Kept:
        """Give a secret a value, whether there is one of this name or not.

        Raises:
            Invalid: the name or the value is wrong.
            Conflict: secrets are sealed here with a key that this host does not have.
            Unavailable: the key file cannot be used.
        """
        parse_secret_name(name)
        warning = check_value(value)
        await self._vault.prepare()
        if await self._context.database.read(self._needs_key):
            await self._vault.prepare(make=True)
        now = self._context.now()

        def work(tx: Tx) -> Kept:
            key = self._vault.sealing_key(tx)
            known = store.known(tx, name)
            secret = Secret(name=name, created_at=known.created_at if known else now, updated_at=now, updated_by=by)
            store.keep(tx, secret, seal(key, value, about_secret(name)))
            self._vault.changed(tx, key.id)
            self._note(tx, Kind.SECRET_SET, by, {"name": name, "is_new": known is None})
            return Kept(secret, known is None, warning)

        return await self._context.database.write(work)

    def _needs_key(self, tx: Tx) -> bool:
        """Whether a key may be made here: another host's is not to be had by making one."""
        return store.state(tx) is None or not store.is_anything_sealed(tx)

    async def delete(self, name: str, *, by: str) -> None:
        """Forget a secret; needs no key.

        Raises:
            NotFound: there is none of this name.
        """

        def work(tx: Tx) -> None:
            store.remove(tx, name)
            self._vault.changed(tx)
            self._note(tx, Kind.SECRET_DELETED, by, {"name": name})

        await self._context.database.write(work)

    async def rotate(self, *, by: str) -> Rotated:
        """Seal everything anew with a new key, and drop the old ones after the commit. Whenever this is broken off, all
        opens: until the commit with the old key, which is still in the key file then, afterwards with the new one,
        which was put there before. Where `PUREBOOT_SECRET_KEY` has the keys its first is the new one.

        Raises:
            Invalid: something cannot be opened, so nothing was done.
            Conflict: `PUREBOOT_SECRET_KEY` has no new key.
            Unavailable: the key file cannot be used.
        """
        locked = self._vault.keyring.locked()
        await asyncio.to_thread(locked.__enter__)
        try:
            # What cannot be opened is found before a key is made; another rotation may just have dropped an old one.
            await self._vault.prepare()
            await self._context.database.read(self._open_all)
            key = await self._new_key()
            rotated = await self._context.database.write(lambda tx: self._reseal(tx, key, by))
            dropped = await asyncio.to_thread(self._vault.keyring.keep_only, lambda each: each.id == key.id)
        finally:
            locked.__exit__(None, None, None)
        return replace(rotated, dropped=dropped)

    async def _new_key(self) -> SealingKey:
        ring = self._vault.keyring
        if not ring.is_given:
            return await asyncio.to_thread(ring.add)
        newest = ring.all()[0]
        state = await self._context.database.read(store.state)
        if state is not None and state.key_id == newest.id:
            raise Conflict(
                f"{VARIABLE} has no key that is newer than the one in use: write NEW,OLD into it on every host, "
                "restart them, and rotate then"
            )
        return newest

    def _open_all(self, tx: Tx) -> tuple[dict[str, str], dict[str, tuple[Webhook, str]], dict[str, str]]:
        values = {
            name: self._vault.open(sealed, about_secret(name), f"the secret {name}")
            for name, sealed in sorted(store.sealed(tx).items())
        }
        hooks = {
            trigger_id: (config, self._vault.open(config.sealed, about_trigger(trigger_id), f"webhook {trigger_id}"))
            for trigger_id, config in store.webhooks(tx)
            if config.sealed is not None
        }
        doors = {
            agent_id: self._vault.open(sealed, about_agent(agent_id), f"the auth_config of agent {agent_id}")
            for agent_id, sealed in agents.sealed(tx).items()
        }
        return values, hooks, doors

    def _reseal(self, tx: Tx, key: SealingKey, by: str) -> Rotated:
        values, hooks, doors = self._open_all(tx)
        store.reseal(tx, {name: seal(key, value, about_secret(name)) for name, value in values.items()})
        for trigger_id, (config, value) in hooks.items():
            store.keep_webhook(tx, trigger_id, replace(config, sealed=seal(key, value, about_trigger(trigger_id))))
        agents.reseal(tx, {agent_id: seal(key, value, about_agent(agent_id)) for agent_id, value in doors.items()})
        self._vault.changed(tx, key.id)
        rotated = Rotated(key_id=key.id, secrets=len(values), webhooks=len(hooks), agents=len(doors), dropped=0)
        data = {"key_id": key.id, "secrets": rotated.secrets, "webhooks": rotated.webhooks, "agents": rotated.agents}
        self._note(tx, Kind.SECRET_ROTATED, by, data)
        return rotated

    async def begin(self) -> None:
        """What a process does that becomes a host: seal what an older PureBoot left open, and be ready to open the
        rest. Where that is not possible it says so and goes on without.
        """
        try:
            state, is_open = await self._context.database.read(lambda tx: (store.state(tx), _open_hooks(tx)))
            if is_open:
                await self._vault.prepare(make=True)
                count = await self._context.database.write(self._seal_open)
                _log.warning("%d secrets of webhooks were kept as they are by an older PureBoot; now sealed", count)
            elif state is not None:
                await self._vault.prepare()
                await self._context.database.read(self._vault.redactor)
        except PureBootError as error:
            _log.error("secrets cannot be used by this host: %s", error)

    def _seal_open(self, tx: Tx) -> int:
        found = _open_hooks(tx)
        key = self._vault.sealing_key(tx)
        if found:
            store.overwrite_freed(tx)
        for trigger_id, config in found.items():
            sealed = seal(key, config.secret or "", about_trigger(trigger_id))
            store.keep_webhook(tx, trigger_id, replace(config, secret=None, sealed=sealed))
            self._vault.note_key(tx, sealed)
        return len(found)

    def _note(self, tx: Tx, kind: Kind, by: str, data: Mapping[str, Any]) -> None:
        events.append(tx, [NewEvent(kind=kind, at=self._context.now(), principal=by, data=data)])


def _open_hooks(tx: Tx) -> dict[str, Webhook]:
    """The webhooks whose secret is not sealed."""
    return {trigger_id: config for trigger_id, config in store.webhooks(tx) if config.secret}
