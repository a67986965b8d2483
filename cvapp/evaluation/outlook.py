"""What the report says of sessions and of more photos: tiles, rows, tables and sentences."""

from html import escape
from typing import Sequence

from cvapp.evaluation import markup
from cvapp.evaluation.forecast import CERTAINTY, Estimate, Forecast, Outlook
from cvapp.evaluation.results import WORDS, Part, Results
from cvapp.evaluation.session_accuracy import MIN_SESSIONS, BySession, LeaveOneOut
from cvapp.evaluation.words import counted, isolated_names, percent, printable, shorten

LITTLE = 0.01  # of accuracy by twice the photos: less is one photo in a hundred
MOSTLY = 0.6  # of the gain, for a class to be named as where it comes from
_NAME = 40  # letters of a session's name
_SHOWN = 30  # classes in the table of the forecast
_SESSIONS = 20  # rows of the table of sessions
NOT_FROZEN = "it is made from the features of a frozen backbone, and this network has none"


def between(low: float, high: float) -> str:
    """0.93, 0.95 -> 93 to 95%; 93% where both ends are written alike."""
    ends = [percent(low), percent(high)]
    return ends[1] if ends[0] == ends[1] else f"{ends[0][:-1]} to {ends[1]}"


def session_tiles(part: Part, leave_one_out: LeaveOneOut | None) -> list[tuple[str, str, str]]:
    """The headline of a model whose held-out photos have sessions: accuracy by session, and in new ones. Nothing where they have none."""
    found = part.by_session
    if found is None:
        return []
    worst = f"worst: “{shorten(printable(found.worst.name), _NAME)}”, {percent(found.worst.accuracy)} of {counted(found.worst.photos, 'photo')}"
    what = f"right by session, the mean of {counted(found.sessions, f'{WORDS[part.name]} session')}"
    tiles = [(percent(found.accuracy, 1), what, f"{_certainty(found)}; {worst}")]
    if leave_one_out:
        unseen = leave_one_out.by_session
        how = f"{_certainty(unseen)}; frozen features, {counted(unseen.sessions, 'session')}"
        tiles.append((percent(unseen.accuracy, 1), "leave-one-session-out: what to expect of a new session", how))
    return tiles


def _certainty(found: BySession) -> str:
    if found.interval is None:
        return f"no interval can be given for fewer than {MIN_SESSIONS} sessions"
    return f"{_ends(found)} with 95% certainty"


def _ends(found: BySession) -> str:
    """The ends of the interval as the table of figures has them; a dash where there is none."""
    return " to ".join(percent(end, 1) for end in found.interval) if found.interval else "–"


def session_rows(part: Part, leave_one_out: LeaveOneOut | None) -> list[tuple[str, ...]]:
    """Rows of the table of figures: part, photos, accuracy, interval."""
    rows = []
    if found := part.by_session:
        rows.append((f"{WORDS[part.name]}, mean of {counted(found.sessions, 'session')}", len(part.truth), found))
    if leave_one_out:
        sessions = counted(leave_one_out.by_session.sessions, "session")
        rows.append((f"leave-one-session-out, mean of {sessions}", leave_one_out.photos, leave_one_out.by_session))
    return [(name, f"{photos:,}", percent(found.accuracy, 1), _ends(found)) for name, photos, found in rows]


def session_note(leave_one_out: LeaveOneOut | None) -> str:
    """What was not counted in leave-one-session-out, as HTML."""
    if not leave_one_out or not leave_one_out.uncounted:
        return ""
    photos = counted(leave_one_out.uncounted, "photo")
    verb = "is" if leave_one_out.uncounted == 1 else "are"
    return f"<p>Leave-one-session-out: {photos} {verb} not counted, because no other session has the class.</p>"


def sessions_section(part: Part) -> str:
    """A table of the sessions of the photos held out, the worst first; nothing where none is known."""
    found = part.by_session
    if found is None:
        return ""
    shown = found.named[:_SESSIONS]
    rows = [markup.cells((shorten(printable(one.name), _NAME), f"{one.photos:,}", percent(one.accuracy, 1))) for one in shown]
    rest = f"<p>The worst {_SESSIONS} of {len(found.named):,} sessions are shown.</p>" if len(found.named) > _SESSIONS else ""
    table = markup.table(("session", "photos", "accuracy"), rows)
    return f"<section><h2>Each session, on {WORDS[part.name]} photos</h2>{table}{rest}</section>"


def drop_sentence(leave_one_out: LeaveOneOut) -> str:
    """That photos of a new session are recognized less often."""
    return (
        f"New sessions are harder than the split suggests: {percent(leave_one_out.by_session.accuracy)} right where whole sessions are left out, "
        f"{percent(leave_one_out.mixed)} where other photos of the same session are in training."
    )


def forecast_sentence(found: Forecast, labels: Sequence[str], tuned: bool) -> str:
    """What more photos are likely to bring; without a number where the check of the forecast failed.

    Args:
        found: the forecast.
        labels: of its classes.
        tuned: whether the backbone was tuned, so that the frozen features are not those of the model.
    """
    if not found.check.passed:
        return "What more photos would bring cannot be told: the same forecast made from half of the photos proved wrong."
    whole = found.overall
    probe = " of a probe on the frozen features" if tuned else ""
    if whole.gain < LITTLE:
        course = f"with twice as many, the accuracy{probe} is likely to stay near {percent(whole.twice.middle)}"
        return f"More photos of the same kind promise little: {course}."
    more = f"Twice the training photos ({whole.photos:,} more) are likely to bring the accuracy{probe} from {percent(whole.now)}"
    gains = sorted(((one.gain * one.photos, label) for one, label in zip(found.classes, labels)), reverse=True)
    mostly = len(labels) > 2 and gains[0][0] >= MOSTLY * sum(gain for gain, _ in gains)
    return f"{more} to {_likely(whole.now, whole.twice)}{f'; most of it in “{gains[0][1]}”' if mostly else ''}."


def _likely(now: float, later: Estimate) -> str:
    """An interval in words; where it reaches down to what there is now, its middle, and the interval in brackets."""
    span = between(later.low, later.high)
    if round(100 * later.low) <= round(100 * now):
        return f"about {percent(later.middle)} ({span})"
    return f"between {span.replace(' to ', '% and ')}" if " to " in span else span


def forecast_section(results: Results, labels: Sequence[str]) -> str:
    """The section of the forecast: its check, and what each class is likely to gain; where there is none, why."""
    found, head = results.forecast, "<section><h2>What more photos are worth</h2>"
    if found is None:
        return f"{head}<p>No forecast: {escape(isolated_names(results.no_forecast or NOT_FROZEN))}.</p></section>"
    check = found.check
    said = f"The same forecast made from half of the photos ({check.half:,}) said {between(check.predicted.low, check.predicted.high)}; "
    said += f"with {check.whole:,} it became {percent(check.measured)}."
    if not check.passed:
        return f"{head}<p>{said} The forecast is not to be trusted for these photos and is not shown.</p></section>"
    how = (
        f"A power law fitted to the accuracy of linear probes on the frozen features, measured on photos left out; the ranges hold with "
        f"{percent(CERTAINTY)} certainty for photos of the same kind. {said}"
    )
    classes = sorted(zip(labels, found.classes), key=lambda pair: (-pair[1].gain, pair[0]))
    rows = [_row("all photos", found.overall), *(_row(label, one) for label, one in classes[:_SHOWN])]
    heads = ("class", "training photos", "accuracy now", f"at twice: {2 * found.overall.photos:,}", f"at four times: {4 * found.overall.photos:,}")
    rest = f"<p>The {_SHOWN} classes that gain most are shown.</p>" if len(classes) > _SHOWN else ""
    return f"{head}<p>{how}</p>{markup.table(heads, rows)}{rest}</section>"


def _row(name: str, one: Outlook) -> str:
    spans = [f"{percent(later.middle)} ({between(later.low, later.high)})" for later in (one.twice, one.fourfold)]
    return markup.cells((name, f"{one.photos:,}", percent(one.now), *spans))
