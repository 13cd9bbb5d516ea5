"""`core.render`: a template becomes a text that stays with the execution, for people and for other systems to fetch."""

from pydantic import Field

from engine.actions.registry import Action, Call, Outcome, Parameters
from engine.core.executions import Performer


class Render(Parameters):
    """`core.render`: which template (`name`, `name:v1.0`), and the file name of what it becomes (or the template's)."""

    template: str = Field(min_length=1)
    as_: str | None = Field(default=None, alias="as")


async def _render(call: Call) -> Outcome:
    wanted: Render = call.parameters
    made = await call.render(wanted.template, wanted.as_ or wanted.template.partition(":")[0])
    output = {"name": made.name, "sha256": made.sha256, "size": made.size, "url": made.url}
    return Outcome(output=output, message=f"{made.name} was made from {made.template} {made.version}")


RENDER = Action(
    name="core.render",
    summary="render a template to an artifact of the execution",
    performer=Performer.ENGINE,
    parameters=Render,
    run=_render,
)
