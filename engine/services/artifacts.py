"""What executions make and leave behind: rendered by their steps, shown and downloaded by people."""

import hashlib
from dataclasses import dataclass, replace

from engine.clock import new_id
from engine.core import artifacts as core
from engine.core.artifacts import Artifact
from engine.core.events import SYSTEM, Kind
from engine.core.executions import Attempt, AttemptStatus
from engine.core.scopes import Surroundings
from engine.errors import Conflict
from engine.services.context import Context
from engine.services.rendering import Material, completed, gather
from engine.services.runs import Run
from engine.store import artifacts, executions
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What an artifact is made of; or the artifact, where its attempt has made it before."""

    made: Artifact | None = None
    material: Material | None = None
    around: Surroundings | None = None


class Artifacts:
    """The artifacts of executions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def find(self, execution_id: str) -> list[Artifact]:
        """The artifacts of an execution, oldest first, without their content.

        Raises:
            NotFound: there is no such execution.
        """

        def work(tx: Tx) -> list[Artifact]:
            return artifacts.find(tx, executions.get(tx, execution_id).id)

        return await self._context.database.read(work)

    async def get(self, execution_id: str, name: str) -> Artifact:
        """An artifact with its content.

        Raises:
            NotFound: there is no such execution, or it has no artifact of this name.
        """

        def work(tx: Tx) -> Artifact:
            return artifacts.get(tx, executions.get(tx, execution_id).id, name)

        return await self._context.database.read(work)

    async def render(self, attempt: Attempt, template: str, name: str) -> Artifact:
        """Render a template (`name`, `name:v1.0`) for an attempt and keep the text as an artifact of its execution.

        An attempt makes one artifact: performed again, it is given what it made.

        Raises:
            NotFound: there is no such template or version.
            Invalid: `name` is no file name; a variable has no value, or one breaks the text; with line and column.
            Conflict: the attempt is over, or the execution has too many artifacts.
        """
        core.check_name(name)
        wanted = await self._context.database.read(lambda tx: self._wanted(tx, attempt, template))
        if wanted.made is not None or wanted.material is None or wanted.around is None:
            return wanted.made or await self.get(attempt.execution_id, name)
        content = await completed(wanted.material, wanted.around, masked=True)
        data = content.encode("utf-8", "replace")
        made = Artifact(
            id=new_id(),
            execution_id=attempt.execution_id,
            attempt_id=attempt.id,
            step_key=attempt.step_key,
            name=name,
            template=wanted.material.document.name,
            version=wanted.material.version.version_string,
            content_type=core.content_type(name),
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            content=data.decode(),
            created_at=self._context.now(),
        )
        return await self._context.database.write(lambda tx: self._keep(tx, attempt, made))

    def _wanted(self, tx: Tx, attempt: Attempt, template: str) -> _Wanted:
        known = artifacts.of_attempt(tx, attempt.id)
        if known is not None:
            return _Wanted(made=known)
        run = Run.load(self._context, tx, executions.get(tx, attempt.execution_id), principal=SYSTEM)
        material = gather(tx, template, run.execution.workflow_id)
        around = replace(run.around(run.execution.find(attempt.id)), secrets=self._context.vault.masked(tx))
        return _Wanted(material=material, around=around)

    def _keep(self, tx: Tx, attempt: Attempt, made: Artifact) -> Artifact:
        known = artifacts.of_attempt(tx, attempt.id)
        if known is not None:
            return known
        run = Run.load(self._context, tx, executions.get(tx, attempt.execution_id), principal=SYSTEM)
        if run.execution.find(attempt.id).status is not AttemptStatus.RUNNING:
            raise Conflict(f"attempt {attempt.attempt} of step {attempt.step_key} is over; its artifact is not kept")
        if artifacts.count(tx, made.execution_id, but=made.name) >= core.MOST:
            raise Conflict(f"an execution may have {core.MOST} artifacts; give those that replace each other one name")
        data = {"name": made.name, "size": made.size, "sha256": made.sha256}
        told = {**data, "template": made.template, "version": made.version}
        run.note(Kind.ARTIFACT_CREATED, step_key=attempt.step_key, data=told)
        artifacts.put(tx, made)
        run.save()
        return made
