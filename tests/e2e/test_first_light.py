"""A machine nobody knows goes from power-on to `installed`, and from then on boots its disk; BIOS and UEFI.

Everything is real: the machine is QEMU with the firmware's own network boot, the site's DHCP server is dnsmasq,
PureBoot is `pureboot serve` in a process of its own, and the technician uses the API with a token.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.core.events import Kind
from engine.core.page import Page
from tests.e2e.lab import MARKER, Machine, Rack
from tests.e2e.technician import PATIENCE, SCRATCH, Site, keep, ran, serving, stocked

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e"), pytest.mark.timeout(400)]


async def appears(site: Site, machine: Machine) -> dict[str, Any]:
    """Power the machine on and wait until it is listed."""
    await machine.power_on()
    await site.happened(Kind.NODE_DISCOVERED)
    [node] = await site.api("GET", "/nodes?state=discovered")
    return dict(node)


# What is told of a machine that is done, and once it has asked for its loader anew.
FINE = ("finished", "state-keeps-disk")
DOWN, ENTER = "\x1b[B", "\r"


async def asked_for_by_api(site: Site, machine: Machine) -> str:
    """The technician asks for it. The machine's disk is empty, so it stays in iPXE and asks again: nobody has to walk
    to it.
    """
    await machine.console.wait_for("is new here, now listed as discovered", timeout=PATIENCE)
    wanted = {"node": machine.mac, "request_id": "one"}
    started = await site.api("POST", "/workflows/first-light/execute", wanted)
    return str(started["execution_id"])


async def chosen_in_the_menu(site: Site, machine: Machine) -> str:
    """Somebody at the machine asks for it: the menu's second line."""
    await machine.console.wait_for("Enrol this machine", timeout=PATIENCE)
    await machine.type(DOWN + ENTER)
    chosen = await site.happened(Kind.NODE_MENU_CHOSEN)
    assert chosen.data["message"] == "somebody at the machine chose enrol: first-light was started"
    started = await site.happened(Kind.EXECUTION_STARTED)
    assert started.execution_id is not None
    return started.execution_id


WAYS = {"bios": (asked_for_by_api, {"MENU__SECONDS": "1"}), "uefi": (chosen_in_the_menu, {"MENU__SECONDS": "120"})}


@pytest.mark.parametrize("firmware", WAYS)
async def test_a_real_machine_goes_from_power_on_to_installed(rack: Rack, tmp_path: Path, firmware: str) -> None:
    ask, settings = WAYS[firmware]
    machine = await rack.machine(firmware=firmware)
    async with serving(rack, tmp_path, MENU__ENROL="first-light", **settings) as site:
        await stocked(site, rack)

        powered_on = datetime.now(UTC)
        node = await appears(site, machine)
        assert (node["mac_address"], node["boot_mode"]) == (machine.mac, firmware)
        assert (node["system_uuid"], node["serial_number"]) == (machine.identity.uuid, machine.identity.serial)
        execution_id = await ask(site, machine)

        await _log_arrives_while_the_step_runs(site, execution_id)
        await site.happened(Kind.EXECUTION_FINISHED, execution_id=execution_id)
        served = await site.happened(Kind.NODE_BOOT_SERVED, node_id=node["id"])
        await site.happened(Kind.NODE_BOOT_LOCAL, after=served.id, node_id=node["id"])
        await machine.console.wait_for(f"{MARKER} {firmware}", timeout=PATIENCE)
        await machine.wait_off(timeout=60)

        await _everything_is_recorded(site, node["id"], execution_id)
        told = await site.explained(node["id"], lambda found: found["cause"] in FINE)
        if told["cause"] == "finished":
            keep("finished", told)
        print(await _timeline(site, powered_on, f"{firmware}: {machine.mac}", node["id"]))
        assert machine.read_disk(SCRATCH, 64).startswith(f"installed by pureboot: {machine.mac}".encode())
        assert ran(machine) == 1
        image = (site.files / "disk.img").read_bytes()
        assert machine.read_disk(0, len(image)) == image


async def _timeline(site: Site, powered_on: datetime, title: str, node_id: str) -> str:
    """What happened to the machine, in seconds since its power came on; `pytest -s` shows it."""
    events, _ = await site.watcher.events(Page(limit=None, sort="id", filters={"node_id": (node_id,)}))
    lines = [title]
    for event in events:
        said = event.data.get("message") or event.data.get("to_state") or event.data.get("status") or ""
        after = (event.at - powered_on).total_seconds()
        lines.append(f"{after:6.1f} s  {event.kind.value:<20} {event.step_key or '':<8} {said}".rstrip())
    return "\n".join(lines)


async def _log_arrives_while_the_step_runs(site: Site, execution_id: str) -> None:
    """The script waits for a file that is only put there once its first lines were seen."""
    await site.logged(execution_id, "writes /dev/vda")
    await site.happened(Kind.ATTEMPT_PROGRESSED, execution_id=execution_id)
    [_, running] = await site.api("GET", f"/executions/{execution_id}/steps")
    assert (running["step_key"], running["status"]) == ("write", "running")
    (site.files / "seen").write_text("yes")


async def _everything_is_recorded(site: Site, node_id: str, execution_id: str) -> None:
    history = await site.api("GET", f"/nodes/{node_id}/history")
    assert [(row["to_state"], row["triggered_by"]) for row in history] == [
        ("installed", "workflow"),
        ("installing", "workflow"),
        ("pending", "workflow"),
    ]
    execution = await site.api("GET", f"/executions/{execution_id}")
    assert (execution["status"], execution["progress_percent"]) == ("succeeded", 100)
    attempts = await site.api("GET", f"/executions/{execution_id}/steps")
    assert [(each["step_key"], each["attempt"], each["status"]) for each in attempts] == [
        ("netboot", 1, "succeeded"),
        ("write", 1, "succeeded"),
        ("reboot", 1, "succeeded"),
    ]
    assert attempts[1]["output"] == {"disk": "/dev/vda"}
    assert attempts[1]["exit_code"] == 0
    log = "".join(chunk.text for chunk in await site.watcher.executions.log(execution_id))
    assert "the disk is written" in log
    events, _ = await site.watcher.events(Page(limit=None, filters={"execution_id": (execution_id,)}))
    assert [each.data["progress_percent"] for each in events if each.kind is Kind.ATTEMPT_PROGRESSED][-1:] == [10]
