"""The addresses of the app: launch, callback, one patient's pages, and leaving.

Beside `cds_service.routes`. Pages hold no script at all, and no token ever reaches the browser.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from cds_service import shell
from cds_service.logs import places
from cds_service.metrics import REFUSALS
from cds_service.shell import Shell
from cds_service.smart_app import data_page, glucose_page, insulin_page, print_page, risk_page, vitals_page
from cds_service.smart_app.chart_data import Chart, Reader
from cds_service.smart_app.launch import Asked, begin, finish
from cds_service.smart_app.sessions import FIRST_PAGE, Opened, Pending, Sessions, new_handle
from cds_service.store.audit import Event
from cds_service.tenants import Tenant
from hooks.errors import CannotAnswer, Forbidden, Unauthorized, UnknownService
from hooks.wording import moment, unbroken

blueprint = Blueprint(
    "smart", __name__, url_prefix="/smart", template_folder="templates", static_folder="static"
)

log = structlog.get_logger()

Page = Callable[[Reader, Mapping[str, str]], tuple[Chart, dict[str, Any]]]

PAGES: Final[Mapping[str, tuple[str, Page]]] = {
    "glucose": ("Glucose", glucose_page.view),
    "risk": ("Lows and highs to come", risk_page.view),
    "insulin": ("Insulin", insulin_page.view),
    "vital-signs": ("Vital signs", vitals_page.view),
    "data": ("Data used", data_page.view),
    "print": ("One page to print", print_page.view),
}
"""Path, title, and the function that reads what the page needs and gives what its template shows."""

STYLE_MAX_AGE_S: Final = 3600


@blueprint.get("/launch")
def launch() -> AnyResponse:
    """From the EHR (with `launch`) or alone (without): on to the EHR's authorization (SM3, SM4)."""
    known, now_ms = _known()
    asked = Asked(request.args.get("iss", ""), request.args.get("launch"))
    handle = new_handle()
    address, pending = begin(known, asked, handle)
    response = redirect(address, 302)
    _sessions(known).begin(response, handle, pending, now_ms)
    return response


@blueprint.get("/callback")
def callback() -> AnyResponse:
    """Back from the EHR: the code becomes a session, under a new secret and handle (SM6, E-06)."""
    known, now_ms = _known()
    came, sessions = request.args.to_dict(), _sessions(known)
    old_handle = came.get("state", "").partition(".")[0]
    pending = sessions.take(request, old_handle, now_ms)
    if not isinstance(pending, Pending):
        raise Unauthorized(_NO_LAUNCH, reason="callback.session")
    held = finish(known, pending, came, now_ms)
    _remember(known, _tenant(known, held), held, now_ms, "app.opened")
    handle = new_handle()
    response = redirect(_address(known, handle, held.page), 303)
    sessions.begin(response, handle, held, now_ms)
    sessions.forget_cookie(response, old_handle, held.tenant)
    return response


@blueprint.get("/app/<handle>/<page>")
def show(handle: str, page: str) -> Response:
    """One page about the session's own patient; the address names no patient (E-09)."""
    known, now_ms = _known()
    held = _sessions(known).opened(request, handle, now_ms)
    if held is None:
        raise Unauthorized(_OVER, reason="app.session")
    if page not in PAGES:
        raise UnknownService()
    title, view = PAGES[page]
    tenant = _tenant(known, held)
    _remember(known, tenant, held, now_ms, f"app.viewed.{page}")
    chart, shown = view(Reader(known, tenant, held, now_ms), request.args)
    shown |= {
        "title": title,
        "page": page,
        "pages": {path: name for path, (name, _) in PAGES.items()},
        "banner": chart.banner if held.show_banner or page == "print" else None,
        "chart": chart,
        "as_of": moment(chart.as_of_ms, chart.zone),
        "until": moment(held.until_ms, chart.zone),
        "unusable_context": held.context == "unusable",
    }
    return _html(known, f"{page}.html", tenant, **shown)


@blueprint.post("/app/<handle>/leave")
def leave(handle: str) -> Response:
    """The session ends, whatever it still was good for."""
    known, now_ms = _known()
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Forbidden(reason="app.cross_site")
    held = _sessions(known).take(request, handle, now_ms)
    response = _html(known, "left.html", _tenant(known, held) if isinstance(held, Opened) else None)
    if held is not None:
        _sessions(known).forget_cookie(response, handle, held.tenant)
    return response


@blueprint.errorhandler(CannotAnswer)
def refused(fault: CannotAnswer) -> Response:
    """What a person at the screen reads where there is no page; the reason is in the log alone."""
    log.warning("app.refused", status=fault.status, reason=fault.reason)
    REFUSALS.labels(fault.reason).inc()
    return _nothing(fault)


@blueprint.errorhandler(HTTPException)
def absent(_: HTTPException) -> Response:
    """A file that is not there."""
    return _nothing(UnknownService())


@blueprint.errorhandler(Exception)
def failed(fault: Exception) -> Response:
    """A fault of ours says nothing but the id to look for."""
    log.error("app.failed", kind=type(fault).__name__, at=places(fault))
    return _nothing(CannotAnswer())


def _nothing(fault: CannotAnswer) -> Response:
    known = shell.current()
    tenant = next((t for t in known.settings.tenants if t.id == g.get("tenant")), None)
    response = _html(known, "refused.html", tenant, fault=fault, request_id=g.request_id)
    response.status_code = fault.status
    return response


_NO_LAUNCH: Final = (
    "This browser did not keep the start of the launch: too much time passed, or it takes no cookies here. "
    "Open the app again from the chart, in a window of its own if this happens again."
)
_OVER: Final = "This session is over. Open the app again from the patient's chart."


def _known() -> tuple[Shell, int]:
    known = shell.current()
    return known, known.clock_ms()


def _sessions(known: Shell) -> Sessions:
    return Sessions(known.store.app_sessions, known.settings)


def _tenant(known: Shell, held: Opened) -> Tenant:
    """The tenant of a session; one that was taken off the registration opens nothing any more."""
    tenant = next((each for each in known.settings.tenants if each.id == held.tenant and each.app), None)
    if tenant is None:
        raise Unauthorized(_OVER, reason="app.tenant")
    g.tenant = tenant.id
    known.rates.take(tenant.id, tenant.limits.requests_per_minute)
    return tenant


def _remember(known: Shell, tenant: Tenant, held: Opened, now_ms: int, action: str) -> None:
    """A line of audit before anything is shown (SE1)."""
    details = {"context": held.context}
    who = {"user": held.user, "patient_id": held.patient_id}
    event = Event(now_ms, action, "answered", tenant.issuer, **who, details=details)
    known.store.audit.append(tenant.id, event)


def _address(known: Shell, handle: str, page: str = FIRST_PAGE) -> str:
    return f"{known.settings.public_base_url.text}/smart/app/{handle}/{page}"


def _html(known: Shell, template: str, tenant: Tenant | None, **shown: Any) -> Response:
    base = known.settings.public_base_url.text
    page = unbroken(render_template(f"smart/{template}", base=base, **shown))
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = content_policy(tenant)
    return response


def content_policy(tenant: Tenant | None) -> str:
    """No script, style sheets of ours alone, and a frame only on the pages of this tenant's EHR (E-07)."""
    origins = tenant.app.frame_ancestors if tenant and tenant.app else ()
    frames = " ".join(origin.text for origin in origins) or "'none'"
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {frames}"
    )


@blueprint.after_request
def let_styles_be_kept(response: Response) -> Response:
    """The style sheet names no patient and may be kept; nothing else may."""
    if request.endpoint == "smart.static" and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={STYLE_MAX_AGE_S}"
    return response
