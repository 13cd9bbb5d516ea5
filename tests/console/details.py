"""What the tests of the detail screens tell stories about: a workflow with a stubborn disk, a template that grew."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from textual.pilot import Pilot

from console.app import PureBootApp
from console.paint import DARK
from console.view.labels import UNICODE
from engine.app import PureBoot
from engine.core.boot_trace import Contact, ContactKind, Outcome
from engine.core.documents import Bump, DocumentKind
from engine.core.executions import Execution
from engine.core.scopes import Server
from tests.clock import ManualClock
from tests.conftest import settings_for
from tests.console.conftest import screen_text
from tests.story import ADA, published, report

SERVER = Server(url="http://10.0.0.1:8080", tftp_url="tftp://10.0.0.1")

WORKFLOW = """
name: debian-12
description: Debian 12 on one disk
steps:
  - key: netboot
    name: Boot the installer
    action: node.boot
    with: {kernel: debian-12/linux, initrd: debian-12/initrd.gz}
    timeout: 40m
  - key: partition
    name: Partition the disk
    action: node.script
    with: {script: "parted /dev/sda"}
    timeout: 5m
    retry: {max_attempts: 3, delay: 20s}
  - key: install
    name: Install packages
    action: node.script
    with: {script: "apt-get install"}
    timeout: 30m
  - key: bootloader
    name: Write the boot loader
    action: node.script
    with: {script: "grub-install"}
  - key: reboot
    name: Reboot into the disk
    action: node.reboot
"""

PRESEED_1 = """\
# Debian 12, one disk
d-i debian-installer/locale string en_US.UTF-8
d-i keyboard-configuration/xkb-keymap select us
d-i netcfg/choose_interface select auto
d-i netcfg/get_hostname string ${node.hostname}
d-i netcfg/get_domain string ${meta.domain|example.net}
d-i mirror/country string manual
d-i mirror/http/hostname string mirror.example
d-i mirror/http/directory string /debian
d-i mirror/http/proxy string
d-i clock-setup/utc boolean true
d-i time/zone string UTC
d-i partman-auto/disk string /dev/sda
d-i partman-auto/method string regular
d-i partman-auto/choose_recipe select atomic
d-i partman-partitioning/confirm_write_new_label boolean true
d-i partman/choose_partition select finish
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
d-i passwd/root-login boolean true
d-i passwd/make-user boolean false
d-i passwd/root-password-crypted password ${secret.root_password}
tasksel tasksel/first multiselect standard
d-i pkgsel/include string openssh-server
d-i pkgsel/upgrade select none
popularity-contest popularity-contest/participate boolean false
d-i grub-installer/only_debian boolean true
d-i grub-installer/bootdev string /dev/sda
d-i finish-install/reboot_in_progress note
d-i preseed/late_command string in-target curl -fsS ${server.http_url}/late.sh -o /root/late.sh
"""

PRESEED_2 = (
    PRESEED_1.replace("get_hostname string ${node.hostname}", "get_hostname string ${node.hostname|unnamed}")
    .replace("partman-auto/method string regular", "partman-auto/method string lvm")
    .replace("string /dev/sda\nd-i partman-auto/method", "string ${params.disk|/dev/vda}\nd-i partman-auto/method")
    .replace(
        "d-i partman-auto/choose_recipe select atomic\n",
        "d-i partman-auto-lvm/guided_size string max\nd-i partman-auto/choose_recipe select atomic\n"
        "d-i partman-lvm/device_remove_lvm boolean true\nd-i partman-lvm/confirm boolean true\n",
    )
    .replace("include string openssh-server", "include string openssh-server curl ca-certificates lvm2 chrony")
    .replace("popularity-contest popularity-contest/participate boolean false\n", "")
)
PRESEED_3 = PRESEED_2.replace("mirror.example", "mirror.${meta.site}.example.net")


async def node_with_execution(pureboot: PureBoot) -> Execution:
    """A node on which the workflow has just been started."""
    pureboot.server = SERVER
    await published(pureboot, WORKFLOW)
    node = await pureboot.nodes.create(
        "52:54:00:12:34:07", {"hostname": "r4-07", "vendor": "Dell Inc.", "model": "PowerEdge R650"}, by=ADA
    )
    return await pureboot.executions.start("debian-12", by=ADA, node=node.id)


async def log(pureboot: PureBoot, execution: Execution, step: str, text: str) -> None:
    """Let the node write to the log of a step."""
    await pureboot.callbacks.append_log(execution.id, step, text)


async def to_the_failing_disk(pureboot: PureBoot, clock: ManualClock, execution: Execution) -> None:
    """Let it boot in 32 seconds, fail to partition twice, and be at the third attempt; 2 minutes after its start."""
    clock.advance(32)
    await report(pureboot, execution, "netboot", exit_code=0, message="the installer runs")
    for seconds in (14, 9):
        await log(pureboot, execution, "partition", "+ parted -s /dev/sda mklabel gpt\n")
        clock.advance(seconds)
        await log(pureboot, execution, "partition", "Error: /dev/sda: Input/output error\n")
        await report(pureboot, execution, "partition", "failed", exit_code=1, message="/dev/sda: Input/output error")
        clock.advance(20)
        await pureboot.executions.advance_due()
    await log(pureboot, execution, "partition", "+ parted -s /dev/sda mklabel gpt\n+ parted -s /dev/sda mkpart root\n")
    clock.advance(12)


async def to_the_packages(pureboot: PureBoot, clock: ManualClock, execution: Execution) -> None:
    """Let the third attempt succeed, and be at 42 percent of the packages; 3 minutes after its start."""
    await to_the_failing_disk(pureboot, clock, execution)
    await report(pureboot, execution, "partition", exit_code=0, output={"disk": "/dev/sda", "size_gb": 480})
    clock.advance(55)
    packages = ("libc6", "openssl", "openssh-server", "curl", "ca-certificates", "lvm2", "chrony", "grub-efi-amd64")
    lines = [f"Get:{at} http://mirror.example/debian bookworm/main amd64 {name}" for at, name in enumerate(packages, 1)]
    lines += [f"Unpacking {name} ..." for name in packages]
    await log(pureboot, execution, "install", "\n".join(lines) + "\n")
    await report(pureboot, execution, "install", "progress", progress_percent=42, message="unpacking 8 of 19 packages")


async def template_with_versions(pureboot: PureBoot, clock: ManualClock) -> None:
    """A template with three versions, made over some days."""
    templates = pureboot.templates
    await templates.create(
        "debian-preseed",
        PRESEED_1,
        by=ADA,
        type_="preseed",
        description="Debian 12 on one disk",
        os_family="linux",
        commit_message="First version, taken from the old server",
    )
    clock.advance(26 * 3600)
    await templates.add_version("debian-preseed", PRESEED_2, by="user:grace", commit_message="LVM; disk by parameter")
    clock.advance(3 * 3600)
    await templates.add_version(
        "debian-preseed", PRESEED_3, by=ADA, commit_message="Mirror at each site", bump=Bump.MAJOR
    )
    clock.advance(600)


INSTALL = """
name: debian-12
description: Debian 12 on one disk
steps:
  - key: netboot
    name: Boot the installer
    action: node.boot
    with:
      kernel: debian-12/linux
      initrd: debian-12/initrd.gz
      cmdline: auto=true url=${server.http_url}/render/${execution.token}/debian-preseed
    timeout: 40m
  - {key: wipe, name: Wipe the disk, action: node.script, with: {script: wipefs -a /dev/sda}, retry: {max_attempts: 3}}
  - {key: reboot, name: Reboot into the disk, action: node.reboot}
"""


async def nodes_that_boot_it(pureboot: PureBoot) -> None:
    """A workflow that serves the template to six nodes: three have what its newest version needs, one is under way."""
    await published(pureboot, INSTALL)
    workflow = await pureboot.workflows.get("debian-12")
    for number in range(1, 7):
        values = {"hostname": f"r4-{number:02}", "workflow_id": workflow.id}
        site = {"metadata": {"site": "ams"}} if number > 3 else {}
        await pureboot.nodes.create(f"52:54:00:12:34:{number:02}", {**values, **site}, by=ADA)
    await pureboot.executions.start("debian-12", by=ADA, node="r4-05")


def console_at(url: str, folder: Path, clock: ManualClock) -> PureBootApp:
    """A console on a store, for a picture."""

    @asynccontextmanager
    async def opener() -> AsyncIterator[PureBoot]:
        async with PureBoot(settings_for(url, folder), clock=clock) as pureboot:
            pureboot.server = SERVER
            yield pureboot

    return PureBootApp(opener, user=ADA, symbols=UNICODE, theme=DARK)


async def until(pilot: "Pilot[None]", holds: Callable[[], object]) -> None:
    """Wait until something holds, and until nothing more is to be painted."""
    async with asyncio.timeout(15):
        while not holds():
            await pilot.pause(0.02)
    await pilot.pause()


def shown(app: PureBootApp) -> list[str]:
    """What the screen shows, line by line."""
    return screen_text(app).split("\n")


Show = Callable[["Pilot[None]"], Awaitable[None]]


def show_diff(app: PureBootApp, clock: ManualClock) -> Show:
    """Brings a template to three versions, and shows what the second changed."""

    async def run(pilot: "Pilot[None]") -> None:
        await until(pilot, lambda: app.is_open)
        await template_with_versions(here(app), clock)
        await pilot.press("3")
        app.open_template("debian-preseed")
        await until(pilot, lambda: any("TEXT  v2.0" in line for line in shown(app)))
        await pilot.press("j", "d")
        await until(pilot, lambda: any("DIFF  v1.0" in line for line in shown(app)))

    return run


def here(app: PureBootApp) -> PureBoot:
    """The store that an app has opened in this process."""
    return cast("PureBoot", app.pureboot)


def show_impact(app: PureBootApp, clock: ManualClock) -> Show:
    """Goes back to the second of three versions; shows who would get the third, and what one of them would get."""

    async def run(pilot: "Pilot[None]") -> None:
        await until(pilot, lambda: app.is_open)
        await template_with_versions(here(app), clock)
        await app.pureboot.templates.set_current("debian-preseed", "v1.1", by=ADA)
        await nodes_that_boot_it(here(app))
        await pilot.press("3")
        app.open_document(DocumentKind.TEMPLATE, "debian-preseed", "v2.0")
        await until(pilot, lambda: any("TEXT  v2.0" in line for line in shown(app)))
        await pilot.press("i")
        await until(pilot, lambda: any("would get another text" in line for line in shown(app)))
        await until(pilot, lambda: any("as it is written" in line for line in shown(app)))
        await pilot.press("home", "enter")
        await until(pilot, lambda: any("debian-preseed for r4-" in line for line in shown(app)))

    return run


def show_trace(app: PureBootApp, clock: ManualClock) -> Show:
    """Shows what a machine did whose loader hangs on its network card."""

    async def run(pilot: "Pilot[None]") -> None:
        await until(pilot, lambda: app.is_open)
        node = await app.pureboot.nodes.create("24:6e:96:00:d3:07", {"hostname": "r4-07"}, by=ADA)

        def heard(kind: ContactKind, what: str, outcome: Outcome = Outcome.OK, size: int | None = None) -> None:
            contact = Contact(at=clock.now(), kind=kind, what=what, outcome=outcome, size=size, bytes=size)
            app.pureboot.traces.note(contact, mac=node.mac_address)
            clock.advance(1)

        for _ in range(6):
            heard(ContactKind.TFTP, "ipxe.efi", Outcome.PROBED)
            heard(ContactKind.TFTP, "ipxe.efi", size=1_131_008)
            clock.advance(7)
        clock.advance(20)
        await app.pureboot.traces.flush()
        await until(pilot, lambda: node.id in app.model.nodes)
        app.open_node(node.id)
        await until(pilot, lambda: any("MACHINE" in line for line in shown(app)))
        await pilot.press("t")
        await until(pilot, lambda: any("boot trace" in line for line in shown(app)))
        await until(pilot, lambda: any("snponly" in line for line in shown(app)))

    return run


def show_execution(app: PureBootApp, clock: ManualClock, *, failed: bool = False) -> Show:
    """Brings an execution to where it is interesting, and shows it."""

    async def run(pilot: "Pilot[None]") -> None:
        await until(pilot, lambda: app.is_open)
        execution = await node_with_execution(here(app))
        if failed:
            await to_the_failing_disk(here(app), clock, execution)
            message = "/dev/sda: Input/output error; replace the disk in slot 2, then start the workflow again"
            await report(here(app), execution, "partition", "failed", exit_code=1, message=message)
        else:
            await to_the_packages(here(app), clock, execution)
        await pilot.press("2")
        app.open_execution(execution.id)
        texts = ("on r4-07", "2 lines", "nothing runs") if failed else ("on r4-07", "16 lines", "1 running")
        await until(pilot, lambda: all(text in screen_text(app) for text in texts))

    return run
