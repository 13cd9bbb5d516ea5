"""What a fact about an execution says, without the values of secrets.

Errors may quote what was filled in, and a workflow's output may name a secret. What machines send is masked where it
comes in, see `Vault.beforehand`: it may be long.
"""

from dataclasses import replace
from typing import Any

from engine.core.changing import changed
from engine.core.facts import AttemptAdded, ExecutionFinished, Fact
from engine.core.redaction import Redactor
from engine.core.reports import StepReport

_TEXTS = ("error", "message", "reason")


def masked(fact: Fact, redactor: Redactor) -> Fact:
    """A fact without secrets in its texts."""
    if isinstance(fact, AttemptAdded):
        error = fact.attempt.error
        return fact if error is None else AttemptAdded(attempt=changed(fact.attempt, error=redactor.text(error)))
    changes: dict[str, Any] = {
        name: clean
        for name in _TEXTS
        if isinstance(text := getattr(fact, name, None), str) and (clean := redactor.text(text)) != text
    }
    if isinstance(fact, ExecutionFinished) and fact.output:
        changes["output"] = redactor.tree(fact.output)
    return replace(fact, **changes) if changes else fact


def clean_report(report: StepReport, redactor: Redactor) -> StepReport:
    """A report about a step without secrets."""
    return replace(
        report,
        logs=None if report.logs is None else redactor.text(report.logs),
        message=None if report.message is None else redactor.text(report.message),
        output=redactor.tree(report.output),
    )
