"""What an operator can do with one execution: pause, resume, retry, skip, decide; the questions asked first."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from console.screens.confirm import Confirm
from console.screens.deeds import label
from console.screens.say import Answer, Said, SayScreen
from console.view import labels
from console.view.waiting import asking, question
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution, ExecutionStatus

if TYPE_CHECKING:
    from console.app import PureBootApp
    from console.pureboot import PureBoot

_UNDONE = FAILURES | {AttemptStatus.CANCELLED}
_RETRIED = (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED)


def can_retry(execution: Execution) -> bool:
    """Whether something of it may go on from where it failed."""
    return execution.status in _RETRIED and not execution.rolling_back


def pause(app: "PureBootApp", execution: Execution) -> None:
    """Ask whether to pause an execution, or to let a paused one go on."""
    if execution.status is ExecutionStatus.PAUSED:
        _resume(app, execution)
        return
    if execution.status is not ExecutionStatus.RUNNING:
        app.complain(f"it is {labels.words(execution.status)}: only what runs can be paused")
        return
    name = label(app, execution)
    running = labels.names([each.step_name for each in execution.attempts if each.status is AttemptStatus.RUNNING])
    lines = [
        f"{labels.safe(running)} goes on to its end; nothing new begins." if running else "Nothing new begins.",
        "The pause does not count towards its timeout.",
    ]

    def go(said: Said | None) -> None:
        if said is not None:
            _do(
                app,
                lambda pureboot: pureboot.control.pause(execution.id, by=app.user, reason=said.text or None),
                f"paused: {name}",
            )

    screen = SayScreen(f"Pause {name}?", lines, [Answer(key="y", name="pause")], asks="why (may be left empty)")
    app.push_screen(screen, go)


def _resume(app: "PureBootApp", execution: Execution) -> None:
    name = label(app, execution)
    _ask(
        app,
        Confirm(f"Resume {name}?", ["It goes on where it was paused."], yes="resume it", no="leave it paused"),
        lambda pureboot: pureboot.control.resume(execution.id, by=app.user),
        f"goes on: {name}",
    )


def retry(app: "PureBootApp", execution: Execution) -> None:
    """Ask whether an execution is to go on from what failed."""
    if not execution.ended:
        app.complain("it has not ended: R runs the selected step again, s skips it")
        return
    if not can_retry(execution):
        why = "it was rolled back" if execution.rolling_back else f"it has {labels.words(execution.status)}"
        app.complain(f"{why}: there is nothing to retry; R runs the selected step again")
        return
    name = label(app, execution)
    failed = [attempt.step_name for attempt in _latest(execution) if attempt.status in _UNDONE]
    what = f"Tries again: {labels.safe(labels.names(failed, 5))}." if failed else "Goes on from where it stopped."
    _ask(
        app,
        Confirm(f"Retry {name}?", [what, "What succeeded is kept."], yes="retry it", no="leave it"),
        lambda pureboot: pureboot.control.retry(execution.id, by=app.user),
        f"retried: {name}",
    )


def _latest(execution: Execution) -> list[Attempt]:
    """The newest attempt of each step."""
    return list({attempt.step_key: attempt for attempt in execution.attempts}.values())


def retry_step(app: "PureBootApp", execution: Execution, attempt: Attempt | None) -> None:
    """Ask whether to run a chosen step again, and what follows it."""
    if attempt is None:
        app.complain("this step has not begun yet: there is nothing to run again")
        return
    if attempt.is_open:
        app.complain(f"{attempt.step_name} is {labels.words(attempt.status)}: there is nothing to run again yet")
        return
    step = labels.safe(attempt.step_name)
    lines = ["What follows it in the workflow runs again as well.", "What it has done already is not undone."]
    _ask(
        app,
        Confirm(f"Run {step} again?", lines, yes="run it again", no="leave it"),
        lambda pureboot: pureboot.control.retry(execution.id, by=app.user, step=attempt.step_key),
        f"runs again: {step} of {label(app, execution)}",
    )


def skip(app: "PureBootApp", execution: Execution, attempt: Attempt | None) -> None:
    """Ask for the reason why a step is taken as done, and take it so."""
    if attempt is None:
        app.complain("this step has not begun yet: there is nothing to skip")
        return
    if not (attempt.is_open or attempt.status in _UNDONE):
        app.complain(f"{attempt.step_name} has {labels.words(attempt.status)}: there is nothing to skip")
        return
    step = labels.safe(attempt.step_name)
    lines = [
        *(["What runs of it is stopped."] if attempt.status is AttemptStatus.RUNNING else []),
        "The workflow goes on as if it had succeeded.",
    ]

    def go(said: Said | None) -> None:
        if said is not None:
            _do(
                app,
                lambda pureboot: pureboot.control.skip(execution.id, attempt.step_key, by=app.user, reason=said.text),
                f"skipped: {step} of {label(app, execution)}",
            )

    screen = SayScreen(
        f"Skip {step}?",
        lines,
        [Answer(key="y", name="skip it")],
        asks="why (it is kept with the execution)",
        missing="Say why it is skipped: a reason is needed.",
    )
    app.push_screen(screen, go)


def decide(app: "PureBootApp", execution: Execution, chosen: Attempt | None) -> None:
    """Ask for the decision that a step waits for: the chosen one, or else the first that waits."""
    waiting = asking(execution)
    if not waiting:
        app.complain("nothing here waits for a person to approve it")
        return
    attempt = next((each for each in waiting if chosen is not None and each.id == chosen.id), waiting[0])
    step = labels.safe(attempt.step_name)
    others = labels.names([each.step_name for each in waiting if each is not attempt])
    lines = [
        *map(labels.safe, question(attempt).splitlines()),
        *([f"Until {labels.clock(attempt.deadline_at, app.now())} UTC."] if attempt.deadline_at else []),
        *([f"{labels.safe(others)} waits as well: choose its row to decide on it."] if others else []),
    ]

    def go(said: Said | None) -> None:
        if said is None:
            return
        approved = said.key == "y"
        _do(
            app,
            lambda pureboot: pureboot.control.approve(
                execution.id, by=app.user, step=attempt.step_key, approved=approved, comment=said.text or None
            ),
            f"{'approved' if approved else 'rejected'}: {step} of {label(app, execution)}",
        )

    answers = [Answer(key="y", name="approve"), Answer(key="x", name="reject")]
    screen = SayScreen(
        f"{step} of {label(app, execution)} needs you", lines, answers, asks="comment (may be left empty)"
    )
    app.push_screen(screen, go)


_Deed = Callable[["PureBoot"], Awaitable[Execution]]


def _ask(app: "PureBootApp", screen: Confirm, deed: _Deed, done: str) -> None:
    def go(sure: bool | None) -> None:
        if sure:
            _do(app, deed, done)

    app.push_screen(screen, go)


def _do(app: "PureBootApp", deed: _Deed, done: str) -> None:
    app.perform(deed, done=done)
