"""Sign in, sign out, and the colours one likes."""

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponseRedirect
from django.views.decorators.http import require_POST

from gateway_admin.common.htmx import safe_next, signed_in

from .forms import SignInForm

THEME_COOKIE = "gatehouse_theme"
THEME_AGE_S = 365 * 24 * 3600
THEMES = ("light", "dark")


class SignIn(LoginView):
    """``next`` is followed only to our own pages (LoginView checks it)."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form):
        paused = form.has_error("__all__", code="paused")
        return self.render_to_response(self.get_context_data(form=form), status=429 if paused else 200)


class SignOut(LogoutView):
    http_method_names = ["post"]


@signed_in
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
