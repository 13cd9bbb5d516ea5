"""Machines that are not what their MAC address says, and machines that are two with one name; seen by the services."""

from dataclasses import replace

import pytest

from engine.app import PureBoot
from engine.core.boot import BootRequest, Load, Local, Serve
from engine.core.events import Kind
from engine.core.nodes import NodeState
from engine.core.page import Page
from engine.core.reports import InstallationStatus, NodeReport
from engine.errors import Conflict, Invalid, NotFound
from tests.conftest import Opener
from tests.services.test_callbacks import INSTALL
from tests.story import ADA, SERVER, published, report

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
ONE, TWO = "4c4c4544-0043-4a10-8000-000000000001", "4c4c4544-0043-4a10-8000-000000000002"
MINE = BootRequest(mac_address=MAC, uuid=ONE, serial="S0001", platform="efi")
THEIRS = replace(MINE, uuid=TWO, serial="S0002")


async def conflicts(pureboot: PureBoot) -> list[tuple[str, str | None]]:
    found, _ = await pureboot.events(Page(sort="id", filters={"kind": (Kind.NODE_IDENTITY_CONFLICT.value,)}))
    return [(event.data["clash"], event.data["other_node_id"]) for event in found]


async def test_another_machine_with_a_shared_adapter_is_never_installed(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL)
        await pureboot.boots.boot(MINE, server=SERVER)
        await pureboot.executions.start("install", node=MAC, by=ADA)
        for _ in range(2):
            told = await pureboot.boots.boot(THEIRS, server=SERVER)
            assert isinstance(told, Local)
            assert told.reason == "identity"
        node = await pureboot.nodes.get(MAC)
        assert (node.system_uuid, node.serial_number) == (ONE, "S0001")
        assert "another machine came with its MAC address" in str(node.identity_conflict)
        assert await conflicts(pureboot) == [("other_machine", None)]
        assert isinstance(await pureboot.boots.boot(MINE, server=SERVER), Serve)
        nameless = await pureboot.boots.boot(BootRequest(mac_address=MAC), server=SERVER)
        assert isinstance(nameless, Local)
        assert nameless.reason == "identity"

        await pureboot.nodes.update(MAC, {"system_uuid": "", "serial_number": ""}, by=ADA)
        assert isinstance(await pureboot.boots.boot(BootRequest(mac_address=MAC), server=SERVER), Serve)
        assert (await pureboot.nodes.get(MAC)).identity_conflict is None
        assert isinstance(await pureboot.boots.boot(THEIRS, server=SERVER), Serve)
        assert (await pureboot.nodes.get(MAC)).system_uuid == TWO


@pytest.mark.parametrize("status", [None, InstallationStatus.COMPLETE, InstallationStatus.FAILED])
async def test_another_machine_tells_nothing_of_a_nodes_installation(
    store_url: str, opener: Opener, status: InstallationStatus | None
) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL)
        await pureboot.boots.boot(MINE, server=SERVER)
        execution = await pureboot.executions.start("install", node=MAC, by=ADA)
        assert isinstance(await pureboot.boots.boot(MINE, server=SERVER), Serve)
        before = await pureboot.nodes.get(MAC)
        theirs = NodeReport(mac_address=MAC, system_uuid=TWO, serial_number="S0002", installation_status=status)
        with pytest.raises(Conflict, match=f"about node {MAC}: another machine came with its MAC address"):
            await pureboot.reports.report(theirs)
        after = await pureboot.nodes.get(MAC)
        assert (after.state, after.system_uuid, after.install_attempts) == (before.state, ONE, 0)
        assert await conflicts(pureboot) == [("other_machine", None)]
        assert (await pureboot.executions.get(execution.id)).attempts[-1].is_open


async def test_a_locked_node_is_not_even_given_another_loader(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.nodes.create(MAC, {"metadata": {"loader": "snponly"}}, by=ADA)
        hangs = replace(MINE, chip="i40e")
        assert isinstance(await pureboot.boots.boot(hangs, server=SERVER), Load)
        await pureboot.nodes.update(MAC, {"locked": True}, by=ADA)
        told = await pureboot.boots.boot(hangs, server=SERVER)
        assert isinstance(told, Local)
        assert told.reason == "locked"


async def test_an_install_that_has_failed_too_often_is_retried_only_once_somebody_forces_it(
    store_url: str, opener: Opener
) -> None:
    async with opener(store_url, install__max_attempts=1) as pureboot:
        await published(pureboot, INSTALL.replace("retry: {max_attempts: 2}", "retry: {max_attempts: 1}"))
        await pureboot.boots.boot(MINE, server=SERVER)
        execution = await pureboot.executions.start("install", node=MAC, by=ADA)
        assert isinstance(await pureboot.boots.boot(MINE, server=SERVER), Serve)
        await report(pureboot, execution, "boot")
        await report(pureboot, execution, "write", "failed")
        assert (await pureboot.nodes.get(MAC)).state is NodeState.INSTALL_FAILED
        for step in (None, "boot"):
            with pytest.raises(Conflict, match="failed to install 1 times, which is the limit"):
                await pureboot.control.retry(execution.id, step=step, by=ADA)
        assert isinstance(await pureboot.boots.boot(MINE, server=SERVER), Local)
        await pureboot.nodes.move(MAC, NodeState.PENDING, force=True, by=ADA)
        await pureboot.control.retry(execution.id, step="boot", by=ADA)
        assert isinstance(await pureboot.boots.boot(MINE, server=SERVER), Serve)


async def test_a_new_network_card_is_a_new_node_that_says_whose_uuid_it_has(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.boots.boot(MINE, server=SERVER)
        known = await pureboot.nodes.get(MAC)
        await pureboot.boots.boot(replace(MINE, mac_address=OTHER), server=SERVER)
        new = await pureboot.nodes.get(OTHER)
        assert new.state is NodeState.DISCOVERED
        assert f"it has the UUID of node {MAC}" in str(new.identity_conflict)
        assert (await pureboot.nodes.find(Page()))[1] == 2
        assert await conflicts(pureboot) == [("same_uuid", known.id)]
        await pureboot.boots.boot(replace(MINE, mac_address=OTHER), server=SERVER)
        assert len(await conflicts(pureboot)) == 1

        with pytest.raises(Invalid, match="can only be emptied"):
            await pureboot.nodes.update(OTHER, {"identity_conflict": "no"}, by=ADA)
        await pureboot.nodes.update(OTHER, {"identity_conflict": ""}, by=ADA)
        await pureboot.boots.boot(replace(MINE, mac_address=OTHER), server=SERVER)
        assert (await pureboot.nodes.get(OTHER)).identity_conflict is None


async def test_boards_of_zeros_and_fs_are_machines_of_their_own(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        for at, uuid in enumerate(("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff") * 2):
            await pureboot.reports.report(
                NodeReport(
                    mac_address=f"52:54:00:00:01:0{at}", system_uuid=uuid, serial_number="To be filled by O.E.M."
                )
            )
        assert await conflicts(pureboot) == []
        assert (await pureboot.nodes.find(Page()))[1] == 4


async def test_forged_addresses_fill_the_list_of_nodes_to_its_bound_only(store_url: str, opener: Opener) -> None:
    async with opener(store_url, discovery__max_nodes=3) as pureboot:
        await pureboot.nodes.create(OTHER, by=ADA)
        await pureboot.nodes.move(OTHER, NodeState.PENDING, by=ADA)
        told = [
            await pureboot.boots.boot(replace(MINE, mac_address=f"02:00:00:00:00:{at:02x}"), server=SERVER)
            for at in range(5)
        ]
        assert isinstance(told[-1], Local)
        assert told[-1].message == (
            "there is no node 02:00:00:00:00:04, and 3 nodes are discovered already (discovery.max_nodes): "
            "it boots its disk"
        )
        with pytest.raises(NotFound, match="are discovered already"):
            await pureboot.reports.report(NodeReport(mac_address=MAC))
        assert (await pureboot.nodes.find(Page()))[1] == 4
        assert isinstance(await pureboot.boots.boot(replace(MINE, mac_address=OTHER), server=SERVER), Local)
        await pureboot.nodes.create(MAC, by=ADA)


async def test_new_firmware_or_a_repair_is_the_same_machine(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await pureboot.boots.boot(MINE, server=SERVER)
        await pureboot.boots.boot(replace(MINE, uuid=TWO), server=SERVER)
        await pureboot.boots.boot(replace(MINE, uuid=TWO, serial="S0009"), server=SERVER)
        node = await pureboot.nodes.get(MAC)
        assert (node.system_uuid, node.serial_number, node.identity_conflict) == (TWO, "S0009", None)


@pytest.mark.parametrize("state", [NodeState.DISCOVERED, NodeState.PENDING, NodeState.INSTALLING])
async def test_a_locked_node_boots_its_disk_whatever_waits_for_it(
    store_url: str, opener: Opener, state: NodeState
) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL)
        await pureboot.boots.boot(MINE, server=SERVER)
        if state is not NodeState.DISCOVERED:
            await pureboot.executions.start("install", node=MAC, by=ADA)
        if state is NodeState.INSTALLING:
            assert isinstance(await pureboot.boots.boot(MINE, server=SERVER), Serve)
            await pureboot.nodes.move(MAC, NodeState.INSTALLING, by=ADA)
        await pureboot.nodes.update(MAC, {"locked": True}, by=ADA)
        told = await pureboot.boots.boot(MINE, server=SERVER)
        assert isinstance(told, Local)
        assert (told.reason, told.ask_again) == ("locked", False)
        if state is NodeState.DISCOVERED:
            with pytest.raises(Conflict, match="is locked"):
                await pureboot.executions.start("install", node=MAC, by=ADA)
        assert (await pureboot.traces.explain(MAC)).verdict.cause in ("nothing-heard", "to-be-started", "never-seen")


@pytest.mark.parametrize("state", [NodeState.MIGRATING, NodeState.DEPROVISIONING])
async def test_an_installer_is_refused_where_a_disk_still_holds_something(
    store_url: str, opener: Opener, state: NodeState
) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL)
        await pureboot.nodes.create(MAC, by=ADA)
        for step in (NodeState.PENDING, NodeState.INSTALLING, NodeState.INSTALLED, NodeState.ACTIVE, state):
            await pureboot.nodes.move(MAC, step, by=ADA)
        with pytest.raises(Conflict, match=f"is {state.value}, so it boots its disk"):
            await pureboot.executions.start("install", node=MAC, by=ADA)
