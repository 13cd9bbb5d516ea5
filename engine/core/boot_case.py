"""What there is to know of one machine's boot before it is judged: its trace, its node, its execution and the time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from engine.core import firmware
from engine.core.boot import BOOT_ACTION
from engine.core.boot_trace import Contact, ContactKind, Outcome, Stage, lives
from engine.core.executions import Attempt, AttemptStatus, Execution, Performer
from engine.core.nodes import Node

PATIENCE = timedelta(seconds=60)
"""How long firmware and loaders may be silent between two contacts."""

INSTALLER_PATIENCE = timedelta(minutes=5)
"""How long a kernel may take until something of it calls back."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One machine now. `contacts` are its lines, oldest first; `execution` is its live one, or else its newest."""

    contacts: Sequence[Contact]
    node: Node | None
    execution: Execution | None
    now: datetime

    @cached_property
    def life(self) -> Sequence[Contact]:
        """What it did since it was started last."""
        cut = lives(self.contacts)
        return cut[-1] if cut else ()

    @cached_property
    def life_before(self) -> Sequence[Contact]:
        """What it did in its life before that."""
        cut = lives(self.contacts)
        return cut[-2] if len(cut) > 1 else ()

    @cached_property
    def last(self) -> Contact | None:
        """Its newest contact, `autoexec.ipxe` left out where there are others: nobody misses it."""
        newest = sorted(self.life, key=lambda each: each.last_at)
        return next((each for each in reversed(newest) if each.name != "autoexec.ipxe"), newest[-1] if newest else None)

    @property
    def silence(self) -> timedelta:
        """How long nothing was heard of it."""
        return self.now - self.life_end if self.life else timedelta.max

    @cached_property
    def life_end(self) -> datetime:
        """When it was heard last."""
        return max((each.last_at for each in self.life), default=self.now)

    @property
    def stage(self) -> Stage | None:
        """How far it came in this life."""
        return max((each.stage for each in self.life), default=None)

    @property
    def is_live(self) -> bool:
        """Whether an execution runs for it."""
        return self.execution is not None and not self.execution.ended

    @cached_property
    def boot_attempt(self) -> Attempt | None:
        """The boot step that is to be served, or was and is not done."""
        return self._open(lambda each: each.action == BOOT_ACTION)

    @cached_property
    def agent_attempt(self) -> Attempt | None:
        """The step that waits for an agent on the machine."""
        return self._open(lambda each: each.action != BOOT_ACTION and each.performer is Performer.NODE)

    def _open(self, fits: Callable[[Attempt], bool]) -> Attempt | None:
        attempts = self.execution.attempts if self.execution is not None and self.is_live else ()
        return next((each for each in attempts if each.status is AttemptStatus.RUNNING and fits(each)), None)

    @property
    def silent_for(self) -> str:
        """The silence in words."""
        return shown(self.silence)

    def of(self, stage: Stage, *outcomes: Outcome, within: Iterable[Contact] | None = None) -> list[Contact]:
        """The contacts of a stage in this life, of these outcomes if any are given."""
        listed = self.life if within is None else within
        return [each for each in listed if each.stage is stage and (not outcomes or each.outcome in outcomes)]

    def told(self, word: str) -> Contact | None:
        """The newest script that told the machine so in this life."""
        return next((each for each in reversed(self.life) if each.told == word), None)

    def after(self, contact: Contact) -> list[Contact]:
        """What it did after a contact."""
        return [each for each in self.life if each is not contact and each.last_at >= contact.last_at]

    def reaches(self, stage: Stage, after: Contact) -> bool:
        """Whether it came to a stage, or beyond, after a contact."""
        return any(each.stage >= stage for each in self.after(after))

    def wanted_files(self) -> list[str]:
        """The names that the boot step tells the machine to fetch, what it starts first; none where they are not known
        before they are resolved. An initrd that the agent is in has another name, and is left out.
        """
        config = self.boot_attempt.config if self.boot_attempt is not None else {}
        named = firmware.named(config)
        if named is None:
            return []
        initrd = () if config.get("agent") or config.get("overlay") else config.get("initrd") or ()
        names = [named[1], *((initrd,) if isinstance(initrd, str) else tuple(initrd))]
        wanted = [str(name) for name in names if name]
        return [] if any("${" in name for name in wanted) else wanted

    @property
    def scripts(self) -> list[Contact]:
        """The lines of iPXE's own script in this life."""
        return [each for each in self.of(Stage.SCRIPT) if each.kind is ContactKind.HTTP and each.told]


def shown(period: timedelta) -> str:
    """A period as people say it: `40 s`, `12 min`, `3 h`, `2 days`."""
    seconds = int(period.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172_800 else f"{seconds // 86_400} days"


def clock(moment: datetime) -> str:
    """A moment of today, in UTC."""
    return f"{moment:%H:%M:%S}"
