"""The page of API tokens: one's own; to admins everybody's."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from gateway_admin.accounts.actions import issue_token, revoke_token
from gateway_admin.accounts.authentication import author_of
from gateway_admin.accounts.forms import NewTokenForm
from gateway_admin.accounts.queries import visible_tokens
from gateway_admin.common.htmx import go_to
from gateway_admin.common.permissions import permitted

SHOWN = 500
editable = require_http_methods(["GET", "HEAD", "POST"])


def _context(**more) -> dict:
    return {"section": "tokens", "crumbs": [("API tokens", reverse("tokens"))]} | more


@permitted("read", "tokens")
@require_safe
def token_list(request):
    tokens = visible_tokens(request.user, None)
    context = {"section": "tokens", "tokens": tokens[:SHOWN], "left": tokens.count() - SHOWN, "now": timezone.now()}
    return render(request, "accounts/tokens.html", context)


@permitted("write", "tokens")
@editable
def new_token(request):
    form = NewTokenForm(request.POST or None, role=request.user.role)
    made = form.saved(lambda values: issue_token(user=request.user, values=values, author=author_of(request)))
    if made is None:
        return render(request, "accounts/token_form.html", _context(form=form), status=400 if form.is_bound else 200)
    token, text = made
    return render(request, "accounts/token_made.html", _context(token=token, text=text))


@permitted("write", "tokens")
@editable
def revoke(request, token_id):
    token = get_object_or_404(visible_tokens(request.user, None), pk=token_id)
    if request.method != "POST":
        return render(request, "accounts/token_revoke.html", _context(token=token))
    revoke_token(token=token, author=author_of(request))
    messages.success(request, f"Revoked the token {token.name}.")
    return go_to(request, reverse("tokens"))
