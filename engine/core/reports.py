"""What a node says of itself, and what it says of a step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class InstallationStatus(StrEnum):
    """How an installation fares, in the node's own words."""

    STARTED = "started"
    PROGRESS = "progress"
    COMPLETE = "complete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport:
    """A node's report of itself. `mac_address` may be in any usual form; what is None was not said."""

    mac_address: str
    ip_address: str | None = None
    hostname: str | None = None
    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    system_uuid: str | None = None
    arch: str | None = None
    boot_mode: str | None = None
    inventory: Mapping[str, Any] | None = None
    installation_status: InstallationStatus | None = None
    installation_progress: int | None = None
    installation_error: str | None = None


class ReportStatus(StrEnum):
    """What a step's performer says of it."""

    SUCCESS = "success"
    FAILED = "failed"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """A report about a step. `attempt` says which try is meant; without it, the current one."""

    status: ReportStatus
    message: str | None = None
    exit_code: int | None = None
    logs: str | None = None
    progress_percent: int | None = None
    output: Mapping[str, Any] = field(default_factory=dict)
    attempt: int | None = None
