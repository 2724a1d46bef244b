"""What a panel says about jobs: how far the running one is, what the last one left to say, and what mends it.

Whole sentences: a label is cut, not wrapped, so text is broken into as many labels as the region's width asks for.
"""

import re

import blf

from .. import jobs
from ..operators import base

__all__ = ["draw_jobs", "draw_notices", "draw_text", "fits", "side_by_side"]

_FONT = 0  # Blender's interface font
_MARGIN_PX = 70  # beside a label at a scale of 1: indent, the tabs and the panel's margins
_ICON_PX = 20  # of a label's icon, the same
_NARROWEST = 10  # letters
_UNSEEN_PX = 280  # width of a region that is not there, as in the background: that of a sidebar when it opens
_BUTTON_PX = 24  # beside the text of a button at a scale of 1: its icon or its margins
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|ms|px|dB|fps|Hz|MB|GB)(?!\w))")  # no line ends here
_LINE = 0.85  # of a label's height: the lines of a sentence stand closer together than two sentences


def draw_jobs(layout, context) -> bool:
    """For each running job in sight how far it is, and a row to stop it; False if none of them is of this scene."""
    shown = [job for key in (jobs.ANYWHERE, *base.keys(context)) if (job := jobs.current(key)) is not None]
    for job in shown:
        column = layout.column(align=True)
        is_short = len(_lines(context, job.text)) == 1
        if not is_short:
            draw_text(column, context, job.title)
        column.progress(factor=job.fraction, text=job.text if is_short else job.share)
        text = "Cancel" if job.key == jobs.ANYWHERE else "Cancel (Esc)"
        column.operator("gid.cancel", text=text, icon="CANCEL").key = job.key
    return any(job.key != jobs.ANYWHERE for job in shown)


def draw_notices(layout, context, *, only_errors=False):
    """What there is to say here, each sentence whole, with what mends it and a button that takes it away."""
    for key in (jobs.ANYWHERE, *base.keys(context)):
        notice = jobs.notice(key)
        if notice is None or (only_errors and not notice.is_error):
            continue
        column = layout.column(align=True)
        sentence = notice.text[:1].upper() + notice.text[1:]
        draw_text(column, context, sentence, icon="ERROR" if notice.is_error else "INFO")
        row = column.row(align=True)
        if notice.remedy is not None:
            button = row.operator(notice.remedy.operator, text=notice.remedy.label)
            for name, value in notice.remedy.settings:
                setattr(button, name, value)
        row.operator("gid.dismiss", text="" if notice.remedy else "Dismiss", icon="X").key = key


def draw_text(layout, context, text, *, icon="NONE"):
    """A text as wide as the region, over as many lines as it needs."""
    column = layout.column(align=True)
    column.scale_y = _LINE
    for index, line in enumerate(_lines(context, text, 0 if icon == "NONE" else _ICON_PX)):
        column.label(text=line, icon="BLANK1" if index and icon != "NONE" else icon)


def side_by_side(layout, context, *texts):
    """A row for buttons of these texts, or a column where the region is too narrow to show each of them whole."""
    is_whole = all(fits(context, text, 1 / len(texts)) for text in texts)
    return layout.row(align=True) if is_whole else layout.column(align=True)


def fits(context, text, share) -> bool:
    """True where a button of this text is shown whole in a share of the region's width, 0..1."""
    scale, room = _measured(context)
    return blf.dimensions(_FONT, text)[0] + _BUTTON_PX * scale <= room * share


def _measured(context):
    """(the interface's scale, pixels of the region's width that texts may take); the font is set to measure them."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width if context.region is not None else _UNSEEN_PX
    blf.size(_FONT, context.preferences.ui_styles[0].widget.points * scale)
    return scale, width - _MARGIN_PX * scale


def _lines(context, text, beside_px=0):
    """The text in pieces that each fit into a label; a word that is too long, as a path is, goes on in the next one."""
    scale, room = _measured(context)
    room = max(room - beside_px * scale, blf.dimensions(_FONT, "n" * _NARROWEST)[0])
    lines = [""]
    for word in _words(text):
        longer = f"{lines[-1]} {word}".lstrip()
        if blf.dimensions(_FONT, longer)[0] <= room:
            lines[-1] = longer
            continue
        while blf.dimensions(_FONT, word)[0] > room:
            fitting = next(n for n in range(len(word) - 1, 0, -1) if blf.dimensions(_FONT, word[:n])[0] <= room)
            lines.append(word[:fitting])
            word = word[fitting:]
        lines.append(word)
    return [line for line in lines if line]


def _words(text):
    """The words of a text, a number and its unit as one."""
    joined = _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", " ".join(text.split()))
    return [word.replace("\N{NO-BREAK SPACE}", " ") for word in joined.split(" ")]
