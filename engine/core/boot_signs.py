"""By what a cause is recognised from iPXE's script on: what was told, the files, the agent. Pure.

Each sign looks at a case and gives the words that its sentence needs, or None.
"""

from datetime import timedelta

from engine.core.boot_case import INSTALLER_PATIENCE, PATIENCE, Case, clock, shown
from engine.core.boot_trace import LONGEST, Contact, ContactKind, Outcome, Stage, is_config, plain, times
from engine.core.boot_words import Sign, Words, newest, words
from engine.core.executions import ExecutionStatus
from engine.core.nodes import NodeState

RESTART_PATIENCE = timedelta(minutes=2)
_BROKEN = (Outcome.REFUSED, Outcome.FAILED)


# The machine was not started for the step that waits


def never_seen(case: Case) -> Words | None:
    """A boot step waits, and nothing was ever heard."""
    attempt = case.boot_attempt
    if case.contacts or attempt is None or attempt.started_at is None:
        return None
    waited = case.now - attempt.started_at
    return words(case, waited=shown(waited)) if waited >= RESTART_PATIENCE else None


def to_be_started(case: Case) -> Words | None:
    """A boot step waits since a moment, and nothing was heard since."""
    attempt = case.boot_attempt
    if attempt is None or attempt.started_at is None or attempt.taken_by is not None:
        return None
    if case.contacts and case.life_end >= attempt.started_at:
        return None
    return words(case, waited=shown(case.now - attempt.started_at))


def not_restarted(case: Case) -> Words | None:
    """The step waits for long, and what was heard of the machine is older than the step."""
    found = to_be_started(case)
    attempt = case.boot_attempt
    if found is None or not case.contacts or attempt is None or attempt.started_at is None:
        return None
    return {**found, "at": clock(case.life_end)} if case.now - attempt.started_at >= RESTART_PATIENCE else None


# The system that was booted, and its agent


def _last_call(case: Case) -> Contact | None:
    return newest(each for each in case.life if each.stage >= Stage.INSTALLER)


def callback_refused(case: Case) -> Words | None:
    """The newest call was without a good token; where the token is the path, nothing is there."""
    last = _last_call(case)
    if last is None or not (last.status in (401, 403) or (last.status == 404 and "has this token" in last.message)):
        return None
    return words(case, last)


def callback_too_late(case: Case) -> Words | None:
    """The newest call was about something that has ended."""
    last = _last_call(case)
    return words(case, last) if last is not None and last.status in (409, 410) and not case.is_live else None


def answers_refused(case: Case) -> Words | None:
    """The installer asked for its answers (a template) and got none."""
    last = _last_call(case)
    if last is None or last.outcome is not Outcome.REFUSED or not last.what.startswith(("/render/", "/metadata/")):
        return None
    return words(case, last)


def server_busy(case: Case) -> Words | None:
    """The newest call met a server that could not answer."""
    last = _last_call(case)
    return words(case, last) if last is not None and last.status in (429, 500, 503, 507) else None


def agent_refused(case: Case) -> Words | None:
    """The newest call was refused for another reason."""
    last = _last_call(case)
    return words(case, last) if last is not None and last.outcome is Outcome.REFUSED and case.is_live else None


def agent_silent(case: Case) -> Words | None:
    """An agent called, a step waits for it, and nothing is heard any more."""
    last = _last_call(case)
    if last is None or case.silence < INSTALLER_PATIENCE or not case.is_live:
        return None
    return words(case, last) if case.agent_attempt is not None or case.boot_attempt is not None else None


def agent_works(case: Case) -> Words | None:
    """An agent or installer calls, and something runs."""
    last = _last_call(case)
    return words(case, last) if last is not None and case.is_live else None


# The files


def _spoilt(case: Case, outcome: Outcome) -> Contact | None:
    """A file that came to this, and was not fetched whole later."""
    for contact in reversed(case.of(Stage.FILES, outcome)):
        later = case.after(contact)
        if not any(each.what == contact.what and each.is_good for each in later):
            return contact
    return None


def file_missing(case: Case) -> Words | None:
    """A kernel or initrd was asked for, and is not there."""
    found = _spoilt(case, Outcome.REFUSED)
    return words(case, found) if found is not None else None


def file_broken_off(case: Case) -> Words | None:
    """A kernel or initrd was sent in part."""
    found = _spoilt(case, Outcome.FAILED)
    return words(case, found) if found is not None else None


def restarted_after_kernel(case: Case) -> Words | None:
    """It had its files, called nobody, and began from the start while the step still waits."""
    before = case.of(Stage.FILES, Outcome.OK, within=case.life_before)
    reached = max((each.stage for each in case.life_before), default=Stage.DHCP)
    attempt = case.boot_attempt
    if not before or reached is not Stage.FILES or attempt is None or attempt.started_at is None:
        return None
    last = before[-1]
    if last.last_at < attempt.started_at:
        return None
    return words(case, last, again=clock(case.life[0].at), gap=shown(case.life[0].at - last.last_at))


def _fetched(case: Case) -> list[Contact]:
    return case.of(Stage.FILES, Outcome.OK)


def no_initrd(case: Case) -> Words | None:
    """The kernel was fetched and the initrd was not asked for."""
    fetched, wanted = _fetched(case), case.wanted_files()
    if not fetched or len(wanted) < 2 or case.silence < PATIENCE:
        return None
    lacking = [name for name in wanted[1:] if not any(_is(each, name) for each in case.of(Stage.FILES))]
    return words(case, fetched[-1], lacking=lacking[0]) if lacking and not _is_url(lacking[0]) else None


def _is(contact: Contact, name: str) -> bool:
    return contact.what.endswith("/" + name.strip("/"))


def _is_url(name: str) -> bool:
    return "://" in name


def no_callback(case: Case) -> Words | None:
    """All was sent; no callback for long."""
    fetched = _fetched(case)
    if not fetched or case.silence < INSTALLER_PATIENCE or case.boot_attempt is None:
        return None
    return words(case, newest(fetched))


def kernel_starts(case: Case) -> Words | None:
    """Files were sent a moment ago."""
    fetched = _fetched(case)
    return words(case, newest(fetched)) if fetched and case.is_live else None


# The script


def _told(case: Case, word: str, reason: str = "") -> Contact | None:
    """The newest word to the machine, if that was it."""
    last = newest(each for each in case.life if each.told)
    if last is None or last.told != word or (reason and last.facts.get("reason") != reason):
        return None
    return last


def told_local(reason: str) -> Sign:
    """A sign that the machine was told to boot its disk, for a reason."""

    def sign(case: Case) -> Words | None:
        found = _told(case, "local", reason)
        return words(case, found) if found is not None else None

    return sign


def waits_for_work(case: Case) -> Words | None:
    """It is new here, and nothing runs for it."""
    found = _told(case, "local")
    is_new = case.node is not None and case.node.state is NodeState.DISCOVERED and not case.is_live
    return words(case, found) if found is not None and is_new else None


def installed(case: Case) -> Words | None:
    """Its execution succeeded, and it was told to boot its disk, or nothing was heard since."""
    execution = case.execution
    if execution is None or execution.status is not ExecutionStatus.SUCCEEDED:
        return None
    last = newest(case.life)
    return words(case, last) if last is not None and (last.told == "local" or last.stage >= Stage.FILES) else None


def failed(case: Case) -> Words | None:
    """Its newest execution failed, and it did nothing since that tells more."""
    execution = case.execution
    if execution is None or execution.status is not ExecutionStatus.FAILED:
        return None
    ended = execution.completed_at or execution.created_at
    if case.life and case.life_end > ended and not case.told("local"):
        return None
    error = plain(execution.error or "it says nothing", LONGEST)
    return words(case, newest(case.life), error=error, ended=clock(ended))


def _served(case: Case) -> Contact | None:
    found = _told(case, "serve")
    return found if found is not None and not case.of(Stage.FILES, within=case.after(found)) else None


def files_elsewhere(case: Case) -> Words | None:
    """Served, and the kernel comes from another server, which tells us nothing."""
    found, wanted = _served(case), case.wanted_files()
    if found is None or not wanted or not _is_url(wanted[0]) or case.silence < INSTALLER_PATIENCE:
        return None
    return words(case, found, url=wanted[0])


def served_often(case: Case) -> Words | None:
    """Served again and again, and no file was ever asked for."""
    found = _served(case)
    served = times(each for each in case.scripts if each.told == "serve")
    return words(case, found, count=served) if found is not None and served >= 3 else None


def kernel_not_fetched(case: Case) -> Words | None:
    """Served, and no file was asked for."""
    found, wanted = _served(case), case.wanted_files()
    if found is None or case.silence < PATIENCE or (wanted and _is_url(wanted[0])):
        return None
    return words(case, found)


def served(case: Case) -> Words | None:
    """Served a moment ago."""
    found = _told(case, "serve")
    return words(case, found) if found is not None and case.is_live else None


def waits(case: Case) -> Words | None:
    """It was told to ask again."""
    found = _told(case, "wait")
    return words(case, found) if found is not None and case.silence < PATIENCE else None


def gave_up_waiting(case: Case) -> Words | None:
    """It was told to ask again, and did not."""
    found = _told(case, "wait")
    return words(case, found) if found is not None else None


def stopped_asking(case: Case) -> Words | None:
    """Its disk did not boot, it stayed and asked; then a step wanted it, and it does not ask any more."""
    found, attempt = _told(case, "local"), case.boot_attempt
    if found is None or attempt is None or case.silence < PATIENCE:
        return None
    return words(case, found)


def never_said_its_mac(case: Case) -> Words | None:
    """It was told to ask again with its MAC address, and did not."""
    found = _told(case, "ask")
    return words(case, found) if found is not None and case.silence >= PATIENCE else None


def script_refused(case: Case) -> Words | None:
    """It asked for its script in a way that could not be answered."""
    found = next((each for each in reversed(case.of(Stage.SCRIPT, *_BROKEN)) if each.kind is ContactKind.HTTP), None)
    return words(case, found) if found is not None and not case.reaches(Stage.FILES, found) else None


def config_missing(case: Case) -> Words | None:
    """A loader asked for what it reads next (`grub.cfg`, `pxelinux.cfg`), and got none of the names it tried."""
    asked = [each for each in case.of(Stage.SCRIPT) if each.kind is ContactKind.TFTP and is_config(each.what)]
    asked = [each for each in asked if not each.name.endswith(".ipxe")]
    if not asked or any(each.is_good for each in asked) or case.told("serve"):
        return None
    return words(case, asked[-1], count=times(asked)) if case.silence >= PATIENCE else None


def autoexec_only(case: Case) -> Words | None:
    """iPXE runs and asked for its `autoexec.ipxe` only."""
    found = next((each for each in case.of(Stage.SCRIPT) if each.name == "autoexec.ipxe"), None)
    if found is None or case.scripts or case.silence < PATIENCE:
        return None
    return words(case, found)


# Nothing else fits


def heard(case: Case) -> Words | None:
    """Something was heard."""
    return words(case, case.last) if case.last is not None else None


def nothing(case: Case) -> Words | None:
    """Fits always."""
    return words(case)
