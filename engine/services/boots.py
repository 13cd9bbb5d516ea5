"""What a machine that asks the network for its boot is told."""

from dataclasses import replace
from datetime import datetime, timedelta

from engine.core import firmware
from engine.core.boot import (
    BootDecision,
    BootRequest,
    Choice,
    Load,
    Local,
    Menu,
    Wait,
    decide_boot,
    no_work,
    served,
    stays,
)
from engine.core.events import Kind, NewEvent
from engine.core.executions import Attempt, AttemptStatus, Execution
from engine.core.facts import AttemptTaken
from engine.core.loaders import runs_other, wanted_loader
from engine.core.nodes import Node, NodeState, parse_mac
from engine.core.reports import NodeReport
from engine.core.scopes import Server, metadata
from engine.errors import NotFound, PureBootError
from engine.services import children
from engine.services.context import Context
from engine.services.reports import Reports, may_be_another
from engine.services.resolving import resolved
from engine.services.runs import Run
from engine.services.starts import Start, start
from engine.store import events, groups, nodes
from engine.store.tx import Tx

INITRD_PATH = "/initrd/"
START_AGENT = "rdinit=/pureboot/init"

_BOOT_MODES = {"pcbios": "bios", "efi": "uefi"}
# iPXE says i386 of every BIOS machine: that is how it was built, not what the machine is.
_ARCHITECTURES = {"x86_64": "x86_64", "arm64": "arm64"}

_TOLD = "what the log says last of a node's boots"
_SAME_START = timedelta(seconds=10)  # no machine starts twice in less
_BOOT_KINDS = (Kind.NODE_BOOT_LOCAL, Kind.NODE_BOOT_SERVED, Kind.NODE_BOOT_REFUSED)


_Told = tuple[Kind, str, datetime]


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
        except NotFound as error:
            return Local(message=f"{error}: it boots its disk", reason="unknown")
        if not is_new and may_be_another(node, report.mac_address, report):
            message = f"{node.name} has its MAC address, but this may be another machine: it boots its disk"
            return self._locally(tx, node, request, stays(message, "identity"))
        if (loader := self._other_loader(tx, node, request)) is not None:
            return Load(loader=loader)
        if is_new:
            answer = stays(f"{node.mac_address} is new here, now listed as discovered")
            return self._locally(tx, node, request, self._offering(node, request, answer))
        live = children.live_on(tx, node.id)
        if live is None and request.choice is not None:
            live = self._chosen(tx, node, request.choice)
            node = nodes.get_by_id(tx, node.id)
        if live is None:
            return self._locally(tx, node, request, self._offering(node, request, no_work(node)))
        run = Run.load(self._context, tx, live, principal=f"node:{node.mac_address}", node=node)
        decided = decide_boot(node, run.execution, run.workflow)
        if isinstance(decided, Local):
            return self._locally(tx, node, request, decided)
        if isinstance(decided, Wait):
            return decided
        return self._serve(tx, run, decided, request, server)

    def _other_loader(self, tx: Tx, node: Node, request: BootRequest) -> str | None:
        """The loader a machine should have come with and has not; a machine that asks again has tried it."""
        if request.again or request.chip is None or node.locked:
            return None
        group = groups.get(tx, node.group_id) if node.group_id is not None else None
        by_model = self._context.settings.boot.loaders
        loader = wanted_loader(metadata(node, group), node.model, by_model)
        return loader if runs_other(loader, request.platform, request.chip) else None

    def _offering(self, node: Node, request: BootRequest, answer: Local) -> Local:
        """With the menu for a machine that is new here and starts; one that asks all night has shown it before."""
        menu = self._context.settings.menu
        if node.state is not NodeState.DISCOVERED or node.locked or request.again or not menu.seconds:
            return answer
        offered = [each for each in Choice if each is Choice.ENROL or getattr(menu, each.value)]
        title = f"PureBoot: {node.mac_address} is new here"
        return replace(answer, menu=Menu(title=title, choices=tuple(offered), seconds=menu.seconds))

    def _chosen(self, tx: Tx, node: Node, choice: Choice) -> Execution | None:
        """Start the workflow for what was chosen in a machine's menu, if there is one; a machine that was taken in has
        no menu. Whoever can send packets can choose: so only what the settings name is ever started.
        """
        if node.state is not NodeState.DISCOVERED or node.locked:
            return None
        workflow: str = getattr(self._context.settings.menu, choice.value)
        by = f"node:{node.mac_address}"
        started, message = None, f"somebody at the machine asks to {choice.value} it"
        if workflow:
            wanted = Start(workflow=workflow, node=node.id, trigger="menu")
            try:
                started = start(self._context, tx, wanted, by=by)
                message = f"somebody at the machine chose {choice.value}: {workflow} was started"
            except PureBootError as error:
                message = f"somebody at the machine chose {choice.value}, but {workflow} cannot start: {error}"
        said = {"choice": choice.value, "message": message}
        fact = NewEvent(kind=Kind.NODE_MENU_CHOSEN, at=self._context.now(), principal=by, node_id=node.id, data=said)
        events.append(tx, [fact])
        return started

    def _serve(self, tx: Tx, run: Run, attempt: Attempt, request: BootRequest, server: Server) -> BootDecision:
        refusal = _wrong_machine(run, request)
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
        serve = served(attempt.step_name, config)
        mode = firmware.boot_mode(serve.kind, serve.kernel, run.workflow.boot_mode)
        serve = replace(serve, boot_mode=mode)
        refusal = firmware.refusal(serve.kind, serve.kernel, _machine(request))
        if refusal is not None:
            return self._refused(tx, run, attempt, request, stays(refusal, "firmware"))
        if attempt.taken_by is None:
            run.apply(AttemptTaken(attempt_id=attempt.id, by=run.node.mac_address if run.node else "node", at=run.now))
        else:
            run.hear(attempt)
        if run.node is not None and (known := tx.memory(_TOLD)) is not None:
            known.pop(run.node.id, None)
        run.note(Kind.NODE_BOOT_SERVED, step_key=attempt.step_key, data={"step": attempt.step_name})
        run.save()
        if not (config.get("agent") or config.get("overlay")):
            return serve
        cmdline = f"{serve.cmdline} {START_AGENT}".strip() if config.get("agent") else serve.cmdline
        return replace(serve, agent=f"{INITRD_PATH}{self._context.capability(attempt.execution_id)}", cmdline=cmdline)

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
        """Whether the log says this already, or is to say it now: a machine that stays and asks all night is told the
        same thing often, and anybody on the network can ask as often as they like in the name of a machine.
        """
        now, known = self._context.now(), tx.memory(_TOLD)
        last: _Told | None = known.get(node.id) if known is not None else None
        if last is None and (event := events.newest_of(tx, node.id, _BOOT_KINDS)) is not None:
            last = event.kind, str(event.data.get("message")), event.at
        is_same = last is not None and last[:2] == (kind, answer.message)
        if last is not None and is_same and (request.again or now - last[2] < _SAME_START):
            if known is not None:
                known[node.id] = last
            return True
        if known is not None:
            known[node.id] = (kind, answer.message, now)
        return False


def _machine(request: BootRequest) -> firmware.Machine:
    return firmware.Machine(
        boot_mode=_BOOT_MODES.get(request.platform or ""), arch=_ARCHITECTURES.get(request.arch or "")
    )


def _wrong_machine(run: Run, request: BootRequest) -> str | None:
    workflow = run.workflow
    return firmware.wrong_workflow(workflow.name, workflow.boot_mode, workflow.architecture, _machine(request))


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
