"""The page of users, for admins: who there is, what they may, and a way back in for who forgot the password."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gateway_admin.accounts.actions import Author
from gateway_admin.accounts.authentication import author_of
from gateway_admin.accounts.forms import NewUserForm, UserForm
from gateway_admin.accounts.models import User
from gateway_admin.accounts.people import change_user, create_user, reset_password
from gateway_admin.accounts.queries import people
from gateway_admin.common.htmx import go_to
from gateway_admin.common.permissions import permitted

editable = require_http_methods(["GET", "HEAD", "POST"])


def _context(**more) -> dict:
    return {"section": "people", "crumbs": [("People", reverse("people"))]} | more


@permitted("read", "users")
@require_safe
def people_list(request):
    return render(request, "accounts/people.html", {"section": "people", "people": people()})


@permitted("write", "users")
@editable
def new_person(request):
    form = NewUserForm(request.POST or None)
    made = form.saved(lambda values: create_user(values=values, author=author_of(request)))
    if made is not None:
        return _show_password(request, *made, "Made the user")
    return render(request, "accounts/person_form.html", _context(form=form), status=400 if form.is_bound else 200)


@permitted("write", "users")
@editable
def edit_person(request, user_id):
    person = get_object_or_404(User, pk=user_id)
    stored = {"role": person.role, "active": person.is_active}
    form = UserForm(request.POST if request.method == "POST" else None, initial=stored)
    if form.saved(lambda values: _changed(person, values, author_of(request))):
        messages.success(request, f"Saved {person.username}.")
        return go_to(request, reverse("people"))
    status = 400 if form.is_bound else 200
    return render(request, "accounts/person_form.html", _context(form=form, person=person), status=status)


def _changed(person: User, values: dict, author: Author) -> User:
    return change_user(user_id=person.pk, values=values, author=author)


@permitted("write", "users")
@require_POST
def new_password(request, user_id):
    person = get_object_or_404(User.objects.exclude(pk=request.user.pk), pk=user_id)  # one's own asks for the old one
    return _show_password(request, *reset_password(user_id=person.pk, author=author_of(request)), "New password of")


@never_cache
def _show_password(request, person, password, title):
    """In the answer itself: anything else would store it."""
    context = _context(person=person, password=password, title=title)
    return render(request, "accounts/person_password.html", context)
