"""The keys to the secrets: there, their owner's alone, and the right ones."""

import asyncio
import importlib.util
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from bootsrv.doctor.finding import Finding, ok, problem, warning
from bootsrv.doctor.store import reading, sqlite_path
from engine.app import key_path, secret_key_path
from engine.errors import PureBootError
from engine.keyring import Keyring
from engine.keys import VARIABLE, load_key
from engine.sealing import CannotOpen, SealingKey, unseal
from engine.services.vault import about_secret
from engine.settings import Settings

NAME = "secret key"
_SHOWN = 5


async def check_keys(settings: Settings) -> Finding:
    """Look whether the keys open what is in the store; makes none."""
    sealed = await _sealed(settings)
    return await asyncio.to_thread(_check, key_path(settings), Keyring(secret_key_path(settings)), sealed)


def _check(store_key: Path, keyring: Keyring, sealed: Mapping[str, str]) -> Finding:
    try:
        if VARIABLE in os.environ or store_key.exists():
            load_key(store_key)
        keys = keyring.all()
    except PureBootError as error:
        message, _, fix = error.message.partition(": run ")
        return problem(NAME, message, f"run {fix}" if fix else "see `pureboot secret --help`, or restore it")
    return judge_keys(keyring.place, keyring.is_given, keys, sealed)


def judge_keys(place: str, is_given: bool, keys: tuple[SealingKey, ...], sealed: Mapping[str, str]) -> Finding:
    """What keys are worth for the secrets of a store, which are given sealed and by name."""
    if not sealed:
        return ok(NAME, "no secrets are kept" if not keys else f"in {place}; no secrets are kept")
    missing = {name: why for name, value in sorted(sealed.items()) if (why := _why(keys, name, value))}
    if missing:
        why = next(iter(missing.values()))
        text = f"{len(missing)} of {_count(sealed)} cannot be opened with {place}: {_named(list(missing))} ({why})"
        return problem(NAME, text, _fix(is_given))
    if not is_given and len(keys) > 1:
        text = f"{place} has {len(keys)} keys, {_count(sealed)} open"
        return warning(NAME, text, "a rotation was broken off: run `pureboot secret rotate`")
    return ok(NAME, f"{place} opens {_count(sealed)}")


def _count(sealed: Mapping[str, str]) -> str:
    return "1 secret" if len(sealed) == 1 else f"{len(sealed)} secrets"


def _named(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _fix(is_given: bool) -> str:
    if is_given:
        return f"set {VARIABLE} to the same on every host, or set the secrets again"
    return f"restore the key file or copy it from the host that has it, or set {VARIABLE} to the same on every host"


def _why(keys: tuple[SealingKey, ...], name: str, sealed: str) -> str | None:
    try:
        unseal(keys, sealed, about_secret(name))
    except CannotOpen as error:
        return error.message
    return None


async def _sealed(settings: Settings) -> dict[str, str]:
    """The secrets of a store as they are kept; none where there is no store, which another check is about."""
    path = sqlite_path(settings)
    if path is not None:
        return await asyncio.to_thread(_of_file, path)
    if importlib.util.find_spec("asyncpg") is None:
        return {}
    from engine.store import secrets
    from engine.store.database import open_database

    try:
        database = await open_database(settings.database.url)
    except PureBootError:
        return {}
    try:
        return await database.read(secrets.sealed)
    except PureBootError:  # a store of an older PureBoot has none
        return {}
    finally:
        await database.close()


def _of_file(path: Path) -> dict[str, str]:
    try:
        if not path.exists():
            return {}
        with reading(path) as connection:
            return {str(name): str(sealed) for name, sealed in connection.execute("SELECT name, sealed FROM secret")}
    except sqlite3.Error:  # a store of an older PureBoot has none
        return {}
