"""One frozen Settings, made once at the entry point and handed down.

Defaults < pureboot.yaml < environment `PUREBOOT_SECTION__KEY` < flags. An unknown key is an error that names the
nearest one; so is an unknown `PUREBOOT_…__…` variable, since a misspelt one would otherwise be silence.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_config_path, user_data_path
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, field_validator

from engine.errors import Invalid, NotFound, Problem
from engine.settings_boot import Boot, Dhcp, Menu, Tftp
from engine.settings_console import Console
from engine.settings_fields import Duration, FilePath, Section, Size
from engine.settings_sources import Origin, Origins, Written, from_file, origin_of

ENV_PREFIX = "PUREBOOT_"
# Variables of ours that are no setting.
ENV_OTHERS = frozenset({"PUREBOOT_CONFIG", "PUREBOOT_SECRET_KEY"})

PRIVILEGED_TFTP_PORT = 69
UNPRIVILEGED_TFTP_PORT = 6969


def default_data_dir() -> Path:
    """The folder for the store and the boot files (XDG data dir)."""
    return user_data_path("pureboot")


class Database(Section):
    """Where the store is: `sqlite:///path` or `postgresql+asyncpg://user@host/name`; unset, SQLite in the data dir."""

    url: str = ""

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        url = url or f"sqlite:///{default_data_dir() / 'pureboot.db'}"
        for given, meant in (("sqlite+aiosqlite://", "sqlite://"), ("postgresql://", "postgresql+asyncpg://")):
            if url.startswith(given):
                url = meant + url.removeprefix(given)
        if not url.startswith(("sqlite:///", "postgresql+asyncpg://")):
            raise ValueError("write sqlite:///path/to/file or postgresql+asyncpg://user@host/name")
        return url


class Http(Section):
    """The listener for firmware, nodes and agents."""

    host: str = "0.0.0.0"  # noqa: S104 - machines of the provisioning network must reach it
    port: int = Field(default=8080, ge=0, le=65535)


class Api(Section):
    """The listener for administrators; with no port the API is on the HTTP listener."""

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)


class Server(Section):
    """What nodes are told: the base URL under which they reach this PureBoot; unset, the address they asked."""

    url: str = ""

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("write http://address:port")
        return url.rstrip("/")


class Auth(Section):
    """Whether the admin API asks for a token (`strict`) or not (`loose`)."""

    mode: Literal["strict", "loose"] = "strict"


_PATH = re.compile(r"[A-Za-z0-9._+~-]+(?:/[A-Za-z0-9._+~-]+)*")


class Upstream(Section):
    """A file of another server: where it is, and the SHA-256 that it has."""

    url: str = Field(pattern=r"^https?://[^\s]+$")
    sha256: str = Field(pattern=r"^[0-9A-Fa-f]{64}$")


class Files(Section):
    """Where kernels, initrds and images are; and a folder with loaders of one's own.

    For file templates: `max_bytes` is the largest file, `min_free` what stays free on the disk. Each is read again and
    compared with its checksum every `verify_interval` (0: only when asked to), at `verify_rate` bytes a second at most.
    An upload that nobody goes on with ends after `upload_expires`; `max_uploads` may be open at once. `gc_grace` is how
    old something must be before `template gc` takes it away.
    """

    dir: FilePath = Field(default_factory=lambda: default_data_dir() / "files")
    loaders: FilePath | None = None
    max_bytes: Size = Field(default=64 * 2**30, gt=0)
    min_free: Size = Field(default=512 * 2**20, ge=0)
    verify_interval: Duration = Field(default=30 * 86400.0, ge=0)
    verify_rate: Size = Field(default=32 * 2**20, gt=0)
    upload_expires: Duration = Field(default=86400.0, gt=0)
    max_uploads: int = Field(default=8, ge=1)
    gc_grace: Duration = Field(default=86400.0, ge=0)
    max_rate: Size = Field(default=0, ge=0)
    max_per_node: int = Field(default=0, ge=0)
    upstream: dict[str, Upstream] = Field(default={})

    @field_validator("upstream")
    @classmethod
    def _below_files(cls, upstream: dict[str, Upstream]) -> dict[str, Upstream]:
        for name in upstream:
            if not _PATH.fullmatch(name) or ".." in name.split("/"):
                raise ValueError(
                    f"{name!r} is no path below /files: write it as debian-12/linux, without a slash before"
                )
        return upstream


class Packs(Section):
    """Where packs of templates and workflows are, and whether they are synced when a file there changes.

    `poll` looks again and again instead of being told: for network file systems.
    """

    dir: FilePath = Field(default_factory=lambda: default_data_dir() / "packs")
    # YAML reads bare `on` and `off` as true and false.
    watch: Annotated[
        Literal["on", "off", "poll"],
        BeforeValidator(lambda value: {True: "on", False: "off"}[value] if isinstance(value, bool) else value),
    ] = "on"


class Discovery(Section):
    """Whether a machine nobody knows becomes a discovered node by asking, and how many may be `discovered` at once:
    whoever is on the network of the machines can ask under as many names as he likes.
    """

    enabled: bool = True
    max_nodes: int = Field(default=10_000, ge=1)


class Install(Section):
    """How often an install may fail before a person has to look."""

    max_attempts: int = Field(default=3, ge=1)


class Engine(Section):
    """How the engine works. Durations are in seconds, or written `30s`, `10m`, `2h`, `7d`.

    `lease` is how long a host may be silent before others take over its work (PostgreSQL); `grace` what deadlines are
    given that a jump of the clock passed over. `max_running` bounds the executions that run at once, and
    `starts_per_minute` how many begin within a minute (0: no bound); both count only executions that nobody waits for.
    `max_depth` is how deep workflows may start workflows.
    """

    lease: Duration = Field(default=30.0, gt=0)
    grace: Duration = Field(default=120.0, ge=0)
    max_running: int = Field(default=0, ge=0)
    starts_per_minute: int = Field(default=0, ge=0)
    max_depth: int = Field(default=8, ge=1, le=100)


class Retention(Section):
    """What is kept of the past; unset, everything. Durations are written `30d`, `12h`.

    `executions` is the age at which ended executions go, with their attempts and logs; `keep` how many ended ones stay
    at most; `logs` the age at which the logs of ended executions go; `events` that of events which are no audit row.
    """

    executions: Duration | None = Field(default=None, gt=0)
    keep: int | None = Field(default=None, ge=0)
    logs: Duration | None = Field(default=None, gt=0)
    events: Duration | None = Field(default=None, gt=0)


class Backup(Section):
    """Backups of an SQLite store that are made by themselves: every so often (unset: never), in which folder (unset:
    `backups` beside the store), and how many of these are kept.
    """

    every: Duration | None = Field(default=None, ge=60)
    dir: FilePath | None = None
    keep: int = Field(default=7, ge=1)


class Agents(Section):
    """Remote agents: how often they are asked how they are (seconds)."""

    health_interval: Duration = Field(default=60.0, ge=5)


class Outbound(Section):
    """What PureBoot asks of other systems. Loopback, link-local and multicast addresses are asked only if `allow` names
    their network: workflows could otherwise reach what only this machine can, such as the metadata service of a cloud.
    Programs on this machine are allowed at first, since agents often run there; an empty list forbids them too.
    """

    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")

    @field_validator("allow", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                ipaddress.ip_network(each, strict=False)
            except ValueError:
                raise ValueError(f"{each!r} is no network; write 127.0.0.0/8 or an address") from None
        return value


# YAML reads a bare `off` as false.
_Check = Annotated[Literal["error", "warn", "off"], BeforeValidator(lambda value: "off" if value is False else value)]


class Templates(Section):
    """What becomes of a text with errors, by the check of its type, when it is saved and when a machine is to get it:
    an `error` refuses it, `warn` tells of them and goes on, `off` does not look.
    """

    check_on_save: _Check = "warn"
    check_on_boot: _Check = "warn"


class Log(Section):
    """What is logged to standard error (`serve`) or to the log file beside the store (console)."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(Section):
    """Everything that can be set."""

    database: Database = Field(default_factory=Database)
    http: Http = Field(default_factory=Http)
    api: Api = Field(default_factory=Api)
    tftp: Tftp = Field(default_factory=Tftp)
    dhcp: Dhcp = Field(default_factory=Dhcp)
    server: Server = Field(default_factory=Server)
    auth: Auth = Field(default_factory=Auth)
    files: Files = Field(default_factory=Files)
    packs: Packs = Field(default_factory=Packs)
    discovery: Discovery = Field(default_factory=Discovery)
    menu: Menu = Field(default_factory=Menu)
    boot: Boot = Field(default_factory=Boot)
    install: Install = Field(default_factory=Install)
    engine: Engine = Field(default_factory=Engine)
    retention: Retention = Field(default_factory=Retention)
    backup: Backup = Field(default_factory=Backup)
    agents: Agents = Field(default_factory=Agents)
    outbound: Outbound = Field(default_factory=Outbound)
    templates: Templates = Field(default_factory=Templates)
    log: Log = Field(default_factory=Log)
    console: Console = Field(default_factory=Console)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Settings, and where each that is no default was written."""

    settings: Settings
    origins: Origins


def load(
    *, config: Path | None = None, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings from file, environment and flags (`{"http.port": 8080}`; None is not given).

    Raises:
        NotFound: the file that was asked for is not there.
        Invalid: a key or value is wrong; every one is named, with where it came from and a hint.
    """
    return read(config=config, flags=flags, environ=environ).settings


def read(
    *, config: Path | None = None, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Reading:
    """Read the settings, and where each was written.

    Raises:
        NotFound: the file that was asked for is not there.
        Invalid: a key or value is wrong; every one is named, with where it came from and a hint.
    """
    environ = os.environ if environ is None else environ
    path = _config_path(config, environ)
    sources = (
        *(from_file(path) if path is not None else ()),
        *_from_environment(environ),
        *(
            (key.split("."), value, Origin(place=f"--{key}"))
            for key, value in (flags or {}).items()
            if value is not None
        ),
    )
    tree: dict[str, Any] = {}
    origins: dict[tuple[str, ...], Origin] = {}
    for keys, value, source in sources:
        section = tree
        for key in keys[:-1]:
            section = section.setdefault(key, {}) if isinstance(section.get(key, {}), dict) else {}
        section[keys[-1]] = value
        origins[tuple(keys)] = source
    try:
        return Reading(settings=Settings.model_validate(tree), origins=origins)
    except ValidationError as error:
        raise Invalid([_problem(detail, origins) for detail in error.errors()]) from None


def _config_path(asked: Path | None, environ: Mapping[str, str]) -> Path | None:
    wanted = asked or (Path(environ["PUREBOOT_CONFIG"]) if environ.get("PUREBOOT_CONFIG") else None)
    if wanted is not None:
        if not wanted.is_file():
            raise NotFound(f"there is no settings file {wanted}")
        return wanted
    places = (Path("pureboot.yaml"), user_config_path("pureboot") / "pureboot.yaml")
    return next((path for path in places if path.is_file()), None)


def _from_environment(environ: Mapping[str, str]) -> list[Written]:
    return [
        (name.removeprefix(ENV_PREFIX).lower().split("__"), value, Origin(place=name))
        for name, value in sorted(environ.items())
        if name.startswith(ENV_PREFIX) and "__" in name and name not in ENV_OTHERS
    ]


def _problem(detail: Any, origins: Origins) -> Problem:
    place = tuple(str(part) for part in detail["loc"])
    source = origin_of(place, origins)
    if detail["type"] == "extra_forbidden":
        message = f"there is no setting of this name{_hint(place)}"
    else:
        message = f"{detail['msg'].removeprefix('Value error, ')} (it is {detail['input']!r})"
    where = (source.place, source.line) if source is not None else (None, None)
    return Problem(path=".".join(place), message=message, file=where[0], line=where[1])


def known_keys() -> list[str]:
    """Every setting as `section.key`."""
    return [
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for key in field.annotation.model_fields
    ]


def _hint(place: tuple[str, ...]) -> str:
    written = ".".join(place)
    keys = known_keys()
    near = difflib.get_close_matches(written, keys + sorted({key.partition(".")[0] for key in keys}), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""
