"""What a simulated rack has done so far."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Counts over all machines. `tftp_bytes` and `http_bytes` are what really came over the network."""

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
    lost: int = 0
    failures: int = 0
