"""Sign in, sign out, one's own password, and the colours one likes."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import LoginView, LogoutView
from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST

from gateway_admin.accounts.authentication import author_of
from gateway_admin.accounts.forms import OwnPasswordForm, SignInForm
from gateway_admin.accounts.throttle import PAUSE_S
from gateway_admin.common.htmx import go_to, safe_next
from gateway_admin.common.permissions import permitted

THEME_COOKIE = "gatehouse_theme"
THEME_AGE_S = 365 * 24 * 3600
THEMES = ("light", "dark")


class SignIn(LoginView):
    """``next`` is followed only to our own pages (LoginView checks it)."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form):
        response = self.render_to_response(self.get_context_data(form=form))
        return _paused(response) if form.has_error("__all__", code="paused") else response


class SignOut(LogoutView):
    http_method_names = ["post"]


@permitted("write", "account")
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request):
    """Ends all other sessions of the user: their mark in the session no longer fits (Django compares it each time)."""
    form = OwnPasswordForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            update_session_auth_hash(request, form.save())
            author_of(request).did("changed their own password", on=request.user.username)
        messages.success(request, "Your password is changed. Other browsers were signed out; your tokens go on.")
        return go_to(request, resolve_url("overview"))
    status = 400 if form.is_bound else 200
    response = render(request, "accounts/password.html", {"section": "account", "form": form}, status=status)
    return _paused(response) if form.has_error("old_password", code="paused") else response


def _paused(response):
    response.status_code = 429
    response.headers["Retry-After"] = str(PAUSE_S)
    return response


@permitted("write", "account")
@require_POST
def set_theme(request):
    """A cookie: the page comes in the right colours at once, without scripts. Nothing chosen: the system's."""
    response = HttpResponseRedirect(safe_next(request, "overview"))
    theme = request.POST.get("theme")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=THEME_AGE_S, samesite="Lax", httponly=True)
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response
