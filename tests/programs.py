"""Programs that tests use and Python does not bring: there, or a test that says what is missing and how to get it.

In CI, and for root, who could have installed it, a missing program is a failure: a test that is not run proves nothing.
An ordinary user gets a skip with the same words in pytest's closing summary.
"""

import os
import shutil
from typing import NoReturn

import pytest

PACKAGES = {
    "busybox": "busybox-static",
    "debconf-set-selections": "debconf",
    "dnsmasq": "dnsmasq-base",
    "grub-mkimage": "grub-common",
    "grub-script-check": "grub-common",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "tftp": "tftp-hpa",
    "unshare": "util-linux",
}
"""Debian's packages that are not called like their program."""


def must_not_skip() -> bool:
    """Whether something missing is a failure."""
    return bool(os.environ.get("CI")) or os.geteuid() == 0


def lacking(reason: str) -> NoReturn:
    """End the test, for something it needs is not here."""
    if must_not_skip():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def program(name: str) -> str:
    """The path of a program; the test ends without it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        lacking(f"{name} is missing: apt-get install {PACKAGES.get(name, name)}")
    return found
