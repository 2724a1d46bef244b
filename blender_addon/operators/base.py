"""What all operators share: the one place that turns a GidError into a report, and knows the button that mends it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.props import EnumProperty

from ...gid_core.errors import GidError, ImageError, LimitError, ModelError, SettingsError
from .. import jobs
from ..loop import adopt, edit, sight
from ..work import Work

__all__ = [
    "DISPLAY",
    "Choosing",
    "JobOperator",
    "Noting",
    "OnEdited",
    "OnLoop",
    "Order",
    "Removing",
    "Reporting",
    "is_free",
    "keys",
    "no_remedy",
    "remedy_for",
]

# How the file browser begins, by the numbers that it gives its displays.
DISPLAY = EnumProperty(
    name="Display",
    items=[("DEFAULT", "Default", "As it was last", 0), ("THUMBNAIL", "Thumbnails", "Pictures of the files", 3)],
    default="THUMBNAIL",
    options={"HIDDEN", "SKIP_SAVE"},
)

# The first that fits; what has none needs what its sentence says.
_REMEDIES = (
    (ModelError, jobs.Remedy("gid.animate", "Use the Physics Prior", (("use_prior", True),))),
    (LimitError, jobs.Remedy("gid.animate", "Try at Half the Size", (("half_size", True),))),
    (ImageError, jobs.Remedy("gid.open_still", "Open Another Photo")),
    (edit.NeedsNewLoop, jobs.Remedy("gid.new_loop", "New Loop")),
)


def remedy_for(error: GidError) -> jobs.Remedy | None:
    """The button that mends an error of a prediction, None where no button can."""
    return next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), None)


def keys(context) -> tuple[int, ...]:
    """Of the jobs and notices that concern who looks at `context`: those of its scene, then those of its loop."""
    scene, plane = context.scene, sight.in_sight(context)
    shown = [scene] if plane is None or plane.gid.scene in (None, scene) else [scene, plane.gid.scene]
    return tuple(jobs.key_of(one) for one in shown)


def is_free(operator, context) -> bool:
    """For a poll: True while no job runs for what `context` shows."""
    if any(jobs.current(key) for key in keys(context)):
        operator.poll_message_set("A prediction is running here: wait for it, or cancel it")
        return False
    return True


def no_remedy(error: GidError) -> jobs.Remedy | None:
    """In place of `remedy_for`, for work that no button mends."""
    return None


class Reporting:
    """Mixin of an operator that does its work in `perform(context)`: a GidError becomes its report, and cancels it.

    `perform` returns what an operator returns, or None for FINISHED. Anything but a GidError is a bug of ours: it keeps
    its traceback, and the panel says so.
    """

    is_asked = False  # by a button; by a script everything is given, and nobody can wait for a job

    def execute(self, context):
        return self.attempt(self.perform, context)

    def attempt(self, work, context):
        """What `work(context)` returns, or CANCELLED after the report of its GidError."""
        try:
            return work(context) or {"FINISHED"}
        except GidError as error:
            self.refused(context, error)
            return {"CANCELLED"}
        except Exception:
            jobs.note_fault(jobs.key_of(context.scene), self.bl_label)
            raise

    def refused(self, context, error):
        """Tell the artist why nothing was done."""
        self.report({"ERROR"}, str(error))


class Noting(Reporting):
    """Of these, one whose refusal stays in the panel, with the button that mends it: a report is gone in a moment."""

    remedy_for = staticmethod(remedy_for)

    def refused(self, context, error):
        super().refused(context, error)
        if not bpy.app.background:
            jobs.note(jobs.key_of(context.scene), str(error), remedy=self.remedy_for(error))


class Choosing(Reporting):
    """Of these, one that asks for a file or folder first: the file browser comes back by `execute`, with `is_asked`."""

    def invoke(self, context, event):
        return self.execute(context) if bpy.app.background else self.choose(context)

    def choose(self, context):
        """Open the file browser."""
        self.is_asked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class OnLoop(Reporting):
    """Of these, one that acts on the loop in sight, or on the one that its property `loop` names, if it has that."""

    def plane(self, context):
        """The loop to act on.

        Raises:
            SettingsError: the named one is gone.
        """
        asked = getattr(self, "loop", "")
        if not asked:
            return sight.in_sight(context)
        found = next((o for o in bpy.data.objects if str(o.session_uid) == asked and o.gid.scene is not None), None)
        if found is None:
            raise SettingsError("this loop is gone: choose another one in the list")
        return found

    @classmethod
    def poll(cls, context):
        if sight.in_sight(context) is None:
            cls.poll_message_set("Select a loop, or animate a still first")
            return False
        return True


class OnEdited(OnLoop):
    """Of these, one that changes the loop: it is of this file and this version, and no job runs for it."""

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        plane = sight.in_sight(context)
        if plane.library:
            cls.poll_message_set("The loop is linked: edit it in its own file")
            return False
        if not adopt.is_current(plane):
            cls.poll_message_set("An older version made this loop: bring it up to date first")
            return False
        return is_free(cls, context)


class Removing(OnLoop):
    """Of these, one that asks before it removes: `question(context)` gives what is asked, and what there is to know."""

    def invoke(self, context, event):
        return self.attempt(lambda context: self._ask(context, event), context)

    def _ask(self, context, event):
        title, message = self.question(context)
        return context.window_manager.invoke_confirm(self, event, title=title, message=message, confirm_text="Remove")


@dataclass(frozen=True)
class Order:
    """What a `JobOperator` is to do: work elsewhere, for a script its like here, and what becomes of the result.

    key: of the scene whose job it is. apply: may return a sentence for the artist.
    """

    key: int
    begin: Callable[[], Work]
    inline: Callable[[], Work]
    apply: Callable[[Any], str | None]


class JobOperator(Noting):
    """An operator whose work takes long: a job when a button asks, here and now when a script does.

    A subclass offers `order(context)`, the `Order`.
    """

    def invoke(self, context, event):
        self.is_asked = not bpy.app.background
        return self.execute(context)

    def perform(self, context):
        return self.carry_out(context, self.order(context))

    def carry_out(self, context, order):
        """Begin an order, or do it."""
        if self.is_asked:
            jobs.start(
                order.key, order.begin, order.apply, self.bl_label, window=context.window, remedy_for=self.remedy_for
            )
            # Nothing has changed yet, so no undo step: the job pushes one when its result is there.
            return {"INTERFACE"}
        message = jobs.run(order.inline(), order.apply)
        if message:
            self.report({"INFO"}, message)
        return {"FINISHED"}
