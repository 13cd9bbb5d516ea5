"""What a simulated rack has done so far."""

from dataclasses import dataclass, field
from typing import ClassVar

from bootsrv.simulator.times import Times


@dataclass(slots=True)
class Counters:
    """Counts over all machines. `tftp_bytes` and `http_bytes` are what really came over the network.

    `retries` are the calls of agents that had to be made again, `refused` those that the server turned down for good;
    `times` is how long all of it took.
    """

    HIDDEN: ClassVar = frozenset({"times"})

    power_ons: int = 0
    tftp_transfers: int = 0
    tftp_bytes: int = 0
    http_requests: int = 0
    http_bytes: int = 0
    scripts: int = 0
    kernels: int = 0
    disk_boots: int = 0
    steps: int = 0
    callbacks: int = 0
    heartbeats: int = 0
    lost: int = 0
    failures: int = 0
    retries: int = 0
    refused: int = 0
    times: Times = field(default_factory=Times)
