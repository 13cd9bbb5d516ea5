"""What a machine that asks the network for its boot is told."""

from dataclasses import replace
from typing import Any

from engine.core.boot import BootDecision, BootRequest, Local, Serve, Wait, decide_boot, no_work, stays
from engine.core.events import Kind, NewEvent
from engine.core.executions import Attempt, AttemptStatus
from engine.core.facts import AttemptTaken
from engine.core.nodes import Node, parse_mac
from engine.core.reports import NodeReport
from engine.core.scopes import Server
from engine.errors import NotFound, PureBootError
from engine.services import children
from engine.services.context import Context
from engine.services.reports import Reports, is_another
from engine.services.resolving import resolved
from engine.services.runs import Run
from engine.store import events
from engine.store.tx import Tx

_BOOT_MODES = {"pcbios": "bios", "efi": "uefi"}
# iPXE says i386 of every BIOS machine: that is how it was built, not what the machine is.
_ARCHITECTURES = {"x86_64": "x86_64", "arm64": "arm64"}

_BOOT_KINDS = (Kind.NODE_BOOT_LOCAL, Kind.NODE_BOOT_SERVED, Kind.NODE_BOOT_REFUSED)


class Boots:
    """Boot requests."""

    def __init__(self, context: Context, reports: Reports) -> None:
        self._context = context
        self._reports = reports

    async def boot(self, request: BootRequest, *, server: Server) -> BootDecision:
        """Answer a machine; one that nobody knows is registered. Asked again, the answer is the same.

        Raises:
            Invalid: the MAC address is none.
        """
        report = _as_report(request)
        return await self._context.database.write(lambda tx: self._boot(tx, request, report, server))

    def _boot(self, tx: Tx, request: BootRequest, report: NodeReport, server: Server) -> BootDecision:
        try:
            node, is_new = self._reports.meet(tx, report.mac_address, report)
        except NotFound:
            return Local(message=f"{report.mac_address} is not known here: it boots its disk", reason="unknown")
        if not is_new and is_another(node, report.mac_address, report):
            message = f"this is not {node.name}, although it has its MAC address: it boots its disk"
            return self._locally(tx, node, request, stays(message, "identity"))
        if is_new:
            return self._locally(tx, node, request, stays(f"{node.mac_address} is new here, now listed as discovered"))
        live = children.live_on(tx, node.id)
        if live is None:
            return self._locally(tx, node, request, no_work(node))
        run = Run.load(self._context, tx, live, principal=f"node:{node.mac_address}", node=node)
        decided = decide_boot(node, run.execution, run.workflow)
        if isinstance(decided, Local):
            return self._locally(tx, node, request, decided)
        if isinstance(decided, Wait):
            return decided
        return self._serve(tx, run, decided, request, server)

    def _serve(self, tx: Tx, run: Run, attempt: Attempt, request: BootRequest, server: Server) -> BootDecision:
        refusal = _wrong_firmware(run, request)
        if refusal is not None:
            return self._refused(tx, run, attempt, request, stays(refusal))
        try:
            config = resolved(tx, run, attempt, server)
        except PureBootError as error:
            told = self._context.vault.text(tx, str(error))
            run.finish(attempt, AttemptStatus.FAILED, error=told)
            run.advance()
            run.save()
            return stays(f"{attempt.step_name} cannot be served: {told}", "unresolved")
        if attempt.taken_by is None:
            run.apply(AttemptTaken(attempt_id=attempt.id, by=run.node.mac_address if run.node else "node", at=run.now))
        else:
            run.hear(attempt)
        run.note(Kind.NODE_BOOT_SERVED, step_key=attempt.step_key, data={"step": attempt.step_name})
        run.save()
        return _serve(attempt, config)

    def _refused(self, tx: Tx, run: Run, attempt: Attempt, request: BootRequest, answer: Local) -> Local:
        if run.node is not None and not self._is_known(tx, run.node, request, Kind.NODE_BOOT_REFUSED, answer):
            run.note(Kind.NODE_BOOT_REFUSED, step_key=attempt.step_key, data={"message": answer.message})
        run.save()
        return replace(answer, reason=answer.reason or "firmware")

    async def refuse(self, request: BootRequest, message: str) -> Local:
        """Let the boot step a machine stands at fail, because what it needs is not there; gives what to tell it."""

        def work(tx: Tx) -> Local:
            node, _ = self._reports.meet(tx, parse_mac(request.mac_address), _as_report(request))
            live = children.live_on(tx, node.id)
            if live is not None:
                run = Run.load(self._context, tx, live, principal=f"node:{node.mac_address}", node=node)
                decided = decide_boot(node, run.execution, run.workflow)
                if isinstance(decided, Attempt):
                    run.finish(decided, AttemptStatus.FAILED, error=message)
                    run.advance()
                    run.save()
            return stays(message, "file")

        return await self._context.database.write(work)

    def _locally(self, tx: Tx, node: Node, request: BootRequest, answer: Local) -> Local:
        if self._is_known(tx, node, request, Kind.NODE_BOOT_LOCAL, answer):
            return answer
        fact = NewEvent(
            kind=Kind.NODE_BOOT_LOCAL,
            at=self._context.now(),
            principal=f"node:{node.mac_address}",
            node_id=node.id,
            data={"message": answer.message, "state": node.state},
        )
        events.append(tx, [fact])
        return answer

    def _is_known(self, tx: Tx, node: Node, request: BootRequest, kind: Kind, answer: Local) -> bool:
        """Whether the log says this already: a machine that stays and asks all night is told the same thing often."""
        last = events.newest_of(tx, node.id, _BOOT_KINDS) if request.again else None
        return last is not None and last.kind is kind and last.data.get("message") == answer.message


def _wrong_firmware(run: Run, request: BootRequest) -> str | None:
    booted = _BOOT_MODES.get(request.platform or "")
    wanted = run.workflow.boot_mode
    if booted is None or wanted in ("any", booted):
        return None
    return f"{run.workflow.name} is for {wanted} firmware, but this machine started in {booted} mode"


def _serve(attempt: Attempt, config: dict[str, Any]) -> Serve:
    initrd = config.get("initrd") or ()
    return Serve(
        step_name=attempt.step_name,
        kernel=config["kernel"],
        initrd=(initrd,) if isinstance(initrd, str) else tuple(initrd),
        cmdline=" ".join(str(config.get("cmdline") or "").split()),
    )


def _as_report(request: BootRequest) -> NodeReport:
    return NodeReport(
        mac_address=parse_mac(request.mac_address),
        ip_address=request.ip_address,
        hostname=request.hostname or None,
        vendor=request.vendor or None,
        model=request.model or None,
        serial_number=request.serial or None,
        system_uuid=request.uuid or None,
        arch=_ARCHITECTURES.get(request.arch or ""),
        boot_mode=_BOOT_MODES.get(request.platform or ""),
    )
