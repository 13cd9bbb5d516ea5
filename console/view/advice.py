"""What to do about a failure, in one sentence. Pure."""

from engine.core.executions import FAILURES, Attempt, AttemptStatus, Failure, Performer
from engine.core.workflows import Step
from engine.durations import format_duration

_EXIT_CODES = {
    126: "126 means that the shell found the program but may not run it: look at its mode",
    127: "127 means that the shell did not find a program: is it there on the machine?",
    130: "130 means that it was interrupted",
    137: "137 means that it was killed, often for want of memory",
    139: "139 means that a program crashed",
    143: "143 means that it was asked to end, as at a shutdown",
}
_AGAIN = "retry the execution when it is mended, or skip the step if what it is for is done"


def advice(attempt: Attempt, step: Step | None) -> str:
    """What to do about a failed attempt; empty if it did not fail."""
    if attempt.status not in FAILURES:
        return ""
    limit = step.timeout_seconds if step is not None else None
    silence = step.heartbeat_seconds if step is not None else None
    if attempt.failure is Failure.REJECTED:
        return "a person said no; retry the execution to ask again"
    if attempt.failure is Failure.LOST:
        after = f" for {format_duration(silence)}" if silence else ""
        return f"nothing was heard{after}: look at the machine and at its boot trace; {_AGAIN}"
    if attempt.status is AttemptStatus.TIMED_OUT or attempt.failure is Failure.TIMEOUT:
        return _too_long(attempt, limit)
    if attempt.exit_code in _EXIT_CODES:
        return f"exit code {_EXIT_CODES[attempt.exit_code]}"
    if attempt.performer is Performer.WORKFLOW:
        return f"what it started failed: look there first; {_AGAIN}"
    if attempt.exit_code:
        return f"the last lines of its log say what the script did before it ended with {attempt.exit_code}; {_AGAIN}"
    return _AGAIN


def _too_long(attempt: Attempt, limit: float | None) -> str:
    if attempt.performer is Performer.NODE and attempt.taken_by is None and attempt.heard_at is None:
        return (
            f"its machine never took it: does it boot from the network? Its boot trace says how far it came; {_AGAIN}"
        )
    if attempt.performer is Performer.PERSON:
        return "nobody decided in time; retry the execution to ask again"
    took = f" within {format_duration(limit)}" if limit else ""
    return f"it did not end{took}: its log says where it stood; give it a longer `timeout` if it only needs more time"
