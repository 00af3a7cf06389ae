"""/login, /setup, /logout: plain forms. They work without scripts and leave nothing on the server but a session."""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.errors import ConfigError, Conflict, Forbidden, StorageError
from web_interface.auth import visit_of
from web_interface.auth.passwords import LONGEST, SHORTEST
from web_interface.auth.sessions import ABSOLUTE_S, anti_forgery_token
from web_interface.locale import LANGUAGES, t
from web_interface.plain.page import error_page, language_of, page
from web_interface.services.access import AccessService, TooMany

MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class PlainOptions:
    """`language`: of the site, when the browser asks for none we have. `tls`: the cookie goes only over HTTPS."""

    cookie: str
    tls: bool
    language: Callable[[], str]


def cookie_name(*, tls: bool) -> str:
    """`__Host-` binds the cookie to this host, path / and HTTPS."""
    return "__Host-energy_session" if tls else "energy_session"


class PlainRoutes:
    """The handlers; `routes()` for the application."""

    def __init__(self, access: AccessService, options: PlainOptions) -> None:
        self._access, self._options = access, options

    def routes(self) -> list[Route]:
        """Open: /login, /setup. Behind the gate: /logout."""
        return [
            Route("/login", self.show_login, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/setup", self.show_setup, methods=["GET"]),
            Route("/setup", self.set_up, methods=["POST"]),
            Route("/logout", self.show_logout, methods=["GET"]),
            Route("/logout", self.logout, methods=["POST"]),
        ]

    # -- log in --------------------------------------------------------------------------------------------------

    async def show_login(self, request: Request) -> Response:
        """The form; to the setup while there is no account, onward when logged in already."""
        if self._access.set_up_needed():
            return RedirectResponse("/setup", 303)
        target = safe_target(request.query_params.get("next"))
        if request.state.user is not None:
            return RedirectResponse(target, 303)
        return self._login_page(request, 200, None, "", target)

    async def login(self, request: Request) -> Response:
        fields = await form_fields(request)
        if fields is None:
            return self._error(request, 400)
        name, password = fields.get("name", ""), fields.get("password", "")
        target = safe_target(fields.get("next"))
        lang = self._lang(request)
        if not name.strip() or not password:
            return self._login_page(request, 422, t("plain.login.wrong", lang), name, target)
        try:
            _, session_id = await self._access.login(name.strip(), password, _source(request))
        except Forbidden:
            return self._login_page(request, 403, t("plain.login.wrong", lang), name, target)
        except TooMany as exc:
            return self._too_many(self._login_page(request, 429, _wait(exc, lang), name, target), exc)
        except StorageError:
            return self._login_page(request, 503, t("plain.away", lang), name, target)
        return await self._entered(request, session_id, target)

    async def _entered(self, request: Request, session_id: str, target: str) -> Response:
        old = visit_of(request)
        if old is not None and old.session_id is not None:
            await self._access.logout(old.session_id)  # the browser changes over; what it had is of no use any more
        response = RedirectResponse(target, 303)
        response.set_cookie(
            self._options.cookie,
            session_id,
            max_age=int(ABSOLUTE_S),
            path="/",
            httponly=True,
            secure=self._options.tls,
            samesite="lax",
        )
        return response

    def _login_page(self, request: Request, status: int, wrong: str | None, name: str, target: str) -> Response:
        lang = self._lang(request)
        focus_name = "" if name else " autofocus"
        focus_password = " autofocus" if name else ""
        body = (
            f"<h1>{escape(t('plain.login.title', lang))}</h1>{_wrong(wrong)}"
            f'<form method="post" action="/login"><input type="hidden" name="next" value="{escape(target)}">'
            f"<label>{escape(t('plain.login.name', lang))}"
            f'<input name="name" value="{escape(name[:64])}" autocomplete="username" autocapitalize="none" spellcheck="false" '
            f'maxlength="64" required data-testid="login-name"{focus_name}></label>'
            f"<label>{escape(t('plain.login.password', lang))}"
            f"{_password('password', 'current-password', lang, 'login-password', focus_password)}</label>"
            f'<button class="button" data-testid="login-submit">{escape(t("plain.login.submit", lang))}</button></form>'
        )
        return Response(
            page(lang, t("plain.login.title", lang), "login", body, foot=self._foot(request, "/login", target)),
            status,
            media_type="text/html",
        )

    # -- first start ---------------------------------------------------------------------------------------------

    async def show_setup(self, request: Request) -> Response:
        """The form for the first administrator; afterwards it leads to the login."""
        if not self._access.set_up_needed():
            return RedirectResponse("/login", 303)
        return self._setup_page(request, 200, None, {})

    async def set_up(self, request: Request) -> Response:
        fields = await form_fields(request)
        if fields is None:
            return self._error(request, 400)
        if not self._access.set_up_needed():
            return RedirectResponse("/login", 303)
        lang = self._lang(request)
        password = fields.get("password", "")
        if password != fields.get("repeat", ""):
            return self._setup_page(request, 422, t("plain.setup.differ", lang), fields)
        source = _source(request)
        try:
            user = await self._access.set_up(fields.get("code", "")[:64], fields.get("name", ""), password, source)
            await self._access.set_preferences(user.id, language=lang)  # the pages go on in the language of the set-up
            _, session_id = await self._access.login(user.name, password, source)
        except Forbidden:
            return self._setup_page(request, 403, t("plain.setup.wrong_code", lang), fields)
        except TooMany as exc:
            return self._too_many(self._setup_page(request, 429, _wait(exc, lang), fields), exc)
        except ConfigError as exc:
            return self._setup_page(request, 422, t(_setup_problem(exc, password), lang), fields)
        except Conflict:
            return self._setup_page(request, 409, t("plain.setup.taken", lang), fields)
        except StorageError:
            return self._setup_page(request, 503, t("plain.away", lang), fields)
        return await self._entered(request, session_id, "/")

    def _setup_page(self, request: Request, status: int, wrong: str | None, fields: dict[str, str]) -> Response:
        lang = self._lang(request)

        def value(name: str, default: str = "") -> str:
            return escape(fields.get(name, default)[:64])

        body = (
            f"<h1>{escape(t('plain.setup.title', lang))}</h1>"
            f"<p class='note'>{escape(t('plain.setup.intro', lang))}</p>{_wrong(wrong)}"
            f'<form method="post" action="/setup"><label>{escape(t("plain.setup.code", lang))}'
            f'<input name="code" value="{value("code")}" autocomplete="off" spellcheck="false" required autofocus maxlength="64" '
            f'placeholder="XXXX-XXXX-XXXX-XXXX" data-testid="setup-code"></label>'
            f"<label>{escape(t('plain.setup.name', lang))}"
            f'<input name="name" value="{value("name", "admin")}" autocomplete="username" autocapitalize="none" '
            f'spellcheck="false" '
            f'required maxlength="64" data-testid="setup-name"></label>'
            f"<label>{escape(t('plain.setup.password', lang))}{_password('password', 'new-password', lang, 'setup-password')}"
            f'<span class="hint">{escape(t("plain.setup.rules", lang))}</span></label>'
            f"<label>{escape(t('plain.setup.repeat', lang))}{_password('repeat', 'new-password', lang, 'setup-repeat')}</label>"
            f'<button class="button" data-testid="setup-submit">{escape(t("plain.setup.submit", lang))}</button></form>'
        )
        html = page(lang, t("plain.setup.title", lang), "setup", body, foot=self._foot(request, "/setup"))
        return Response(html, status, media_type="text/html")

    # -- log out -------------------------------------------------------------------------------------------------

    async def show_logout(self, request: Request) -> Response:
        """Asks; sends the answer itself when the visitor comes from one of our own pages. GET alone changes nothing."""
        lang = self._lang(request)
        now = "yes" if request.headers.get("sec-fetch-site") == "same-origin" else "no"
        visit = visit_of(request)
        token = anti_forgery_token(visit.session_id) if visit is not None and visit.session_id else ""
        body = (
            f"<h1>{escape(t('plain.logout.title', lang))}</h1><p class='note'>{escape(t('plain.logout.question', lang))}</p>"
            f'<form method="post" action="/logout" data-now="{now}"><input type="hidden" name="token" value="{token}">'
            f'<button class="button" data-testid="logout-submit">{escape(t("plain.logout.submit", lang))}</button></form>'
        )
        return Response(page(lang, t("plain.logout.title", lang), "logout", body), media_type="text/html")

    async def logout(self, request: Request) -> Response:
        fields = await form_fields(request)
        visit = visit_of(request)
        session_id = visit.session_id if visit is not None else None
        if fields is None or session_id is None:
            return self._error(request, 400)
        if not hmac.compare_digest(fields.get("token", "").encode(), anti_forgery_token(session_id).encode()):
            return self._error(request, 403)
        await self._access.logout(session_id)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(self._options.cookie, path="/", httponly=True, secure=self._options.tls, samesite="lax")
        response.headers["clear-site-data"] = '"cache"'
        return response

    # -- inside --------------------------------------------------------------------------------------------------

    def _lang(self, request: Request) -> str:
        asked = request.query_params.get("lang")
        if asked in LANGUAGES:
            return str(asked)
        user = request.state.user
        if user is not None and user.language in LANGUAGES:
            return str(user.language)
        return language_of(request.headers.get("accept-language"), self._options.language())

    def _foot(self, request: Request, path: str, target: str = "/") -> str:
        names = {"ru": "Русский", "en": "English"}  # a language names itself in itself
        current = self._lang(request)
        extra = "" if target == "/" else "&next=" + quote(target, safe="")
        links = [
            f'<a href="{path}?lang={lang}{escape(extra)}" hreflang="{lang}" lang="{lang}">{names[lang]}</a>'
            for lang in LANGUAGES
            if lang != current
        ]
        local = request.url.hostname in {"localhost", "127.0.0.1", "::1"}
        banner = "" if request.url.scheme == "https" or local else f'<div class="banner">{escape(t("plain.http", current))}</div>'
        return f'<div class="foot">{"".join(links)}</div>{banner}'

    def _error(self, request: Request, status: int) -> Response:
        return Response(error_page(status, self._lang(request), asked=request.url.path), status, media_type="text/html")

    @staticmethod
    def _too_many(response: Response, exc: TooMany) -> Response:
        response.headers["retry-after"] = str(math.ceil(exc.retry_after_s))
        return response


async def form_fields(request: Request) -> dict[str, str] | None:
    """Fields of a posted form; None when it is none, has more than 100 fields or is not UTF-8."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return None
    try:
        parsed = parse_qs(
            (await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except (ValueError, UnicodeError):
        return None
    return {name: values[0] for name, values in parsed.items()}


def safe_target(target: str | None) -> str:
    """A path on this site, never another one; else the overview."""
    if not target or not target.startswith("/") or target[1:2] in {"/", "\\"} or not target.isprintable() or "\\" in target:
        return "/"
    if target.startswith(("/login", "/logout", "/setup", "/_nicegui", "/api/")):
        return "/"
    return target


def _source(request: Request) -> str:
    visit = visit_of(request)
    return visit.source if visit is not None else ""


def _wait(exc: TooMany, lang: str) -> str:
    return t("plain.too_many", lang, n=math.ceil(exc.retry_after_s))


def _wrong(text: str | None) -> str:
    return "" if text is None else f'<p class="wrong" role="alert" data-testid="wrong">{escape(text)}</p>'


def _password(name: str, complete: str, lang: str, testid: str, more: str = "") -> str:
    return (
        f'<span class="password" data-show="{escape(t("plain.show", lang))}" data-hide="{escape(t("plain.hide", lang))}">'
        f'<input type="password" name="{name}" autocomplete="{complete}" maxlength="256" required '
        f'data-testid="{testid}"{more}></span>'
    )


def _setup_problem(exc: ConfigError, password: str) -> str:
    if not str(exc).startswith("password"):
        return "plain.setup.bad_name"
    if len(password) < SHORTEST:
        return "plain.setup.short"
    return "plain.setup.long" if len(password) > LONGEST else "plain.setup.guessable"
