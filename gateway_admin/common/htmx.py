"""What every dashboard view shares: signed-in only, never cached, and one question that picks page or fragment."""

from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache


def wants_fragment(request) -> bool:
    """htmx asks for a part of the page; a restored history entry (back button) needs the whole one again."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def render_page(request, page: str, fragment: str, context: dict):
    response = render(request, fragment if wants_fragment(request) else page, context)
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])
    return response


def go_to(request, address: str):
    """Redirect the browser, also when htmx asked: a 303 it would follow itself and swap the page into the fragment."""
    if wants_fragment(request):
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponse(status=303, headers={"Location": address})


def signed_in(view):
    """For people who signed in; others go to the sign-in page and come back after it."""

    @never_cache  # after signing out, the back button must not show what was there
    @wraps(view)
    def guarded(request, *args, **kw):
        if request.user.is_authenticated:
            return view(request, *args, **kw)
        if not wants_fragment(request):
            return redirect_to_login(request.get_full_path())
        here = request.htmx.current_url_abs_path or "/"
        sign_in = f"{resolve_url('login')}?{urlencode({'next': here})}"
        return HttpResponse(status=401, headers={"HX-Redirect": sign_in})

    return guarded


def safe_next(request, fallback: str) -> str:
    """Where the form says to go on, if that is a page of ours."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return address
    return resolve_url(fallback)
