"""The forms about people: sign in, change one's password, make and change users, make tokens."""

from datetime import timedelta

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from gateway_admin.common.problems import EntityInvalid
from gateway_admin.common.roles import ROLES, SCOPES

from .rules import NEW_TOKEN, NEW_USER, TOKEN_KINDS, USER_CHANGES
from .throttle import PAUSE_S, attempt_login, note_failure, note_success

LONGEST_NAME = 150  # characters; Django's own limit for user names
PAUSED = f"Too many failed attempts. Try again in {PAUSE_S // 60} minutes."

ROLE_WORDS = ("Viewer: looks, changes nothing", "Operator: edits the configuration", "Admin: everything")
SCOPE_WORDS = ("Read", "Write: read and edit the configuration", "Admin: everything that you may")
LIVES = {"30": "30 days", "90": "90 days", "365": "a year", "": "until it is revoked"}


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "User name and password do not match.",
        "inactive": "This user is switched off.",
        "paused": PAUSED,
    }

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.label_suffix = ""
        self.fields["username"].label = "User name"
        self.fields["username"].widget.attrs["autocapitalize"] = "none"

    def clean(self):
        name = (self.cleaned_data.get("username") or "")[:LONGEST_NAME]
        if not attempt_login(self.request, name):
            raise ValidationError(self.error_messages["paused"], code="paused")
        try:
            cleaned = super().clean()
        except ValidationError:
            note_failure(self.request, name)
            raise
        if self.get_user() is not None:
            note_success(self.request, name)
        return cleaned


class EntryForm(forms.Form):
    """Django's form, with the labels of ours, and problems that the actions find put to their fields."""

    helps = {}

    def __init__(self, *args, **kw):
        super().__init__(*args, label_suffix="", **kw)
        for name, rule in self.helps.items():
            if name in self.fields:
                self.fields[name].help_text = self.fields[name].help_text or rule.help

    def add_problems(self, problems) -> None:
        for problem in problems:
            name = str(problem.path[0])
            self.add_error(name if name in self.fields else None, problem.message)

    def saved(self, save):
        """What ``save(values)`` returns; None when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        try:
            return save(self.values())
        except EntityInvalid as invalid:
            self.add_problems(invalid.problems)
            return None

    def values(self) -> dict:
        return dict(self.cleaned_data)


class NewUserForm(EntryForm):
    """Without a password: it is made up and shown once, so that no two users begin with the same."""

    helps = NEW_USER
    username = forms.CharField(label="User name", max_length=LONGEST_NAME)
    role = forms.ChoiceField(label="Role", choices=[*zip(ROLES, ROLE_WORDS, strict=True)])


class UserForm(EntryForm):
    helps = USER_CHANGES
    role = forms.ChoiceField(label="Role", choices=[*zip(ROLES, ROLE_WORDS, strict=True)])
    active = forms.BooleanField(label="Active", required=False)


class NewTokenForm(EntryForm):
    """``lasts`` in days, in place of a date."""

    helps = NEW_TOKEN
    name = forms.CharField(label="Name", max_length=100)
    scope = forms.ChoiceField(label="Scope")
    kinds = forms.MultipleChoiceField(
        label="Limited to",
        required=False,
        choices=[(kind, kind.replace("_", " ")) for kind in TOKEN_KINDS],
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing ticked: all kinds. “config” is the configuration as a whole: export, history, explain.",
    )
    lasts = forms.ChoiceField(label="Works for", choices=[*LIVES.items()], required=False, initial="90")

    def __init__(self, *args, role, **kw):
        super().__init__(*args, **kw)
        self.fields["scope"].choices = list(zip(SCOPES, SCOPE_WORDS, strict=True))[: ROLES.index(role) + 1]

    def values(self):
        values = super().values()
        days = values.pop("lasts")
        end = timezone.now() + timedelta(days=int(days)) if days else None
        return values | {"kinds": values["kinds"] or None, "expires_at": end and end.isoformat()}


class OwnPasswordForm(PasswordChangeForm):
    """The old password is asked for, and guessing it from a borrowed session is limited as it is at the door."""

    def __init__(self, *args, request, **kw):
        super().__init__(request.user, *args, label_suffix="", **kw)
        self.request = request
        self.fields["old_password"].label = "Present password"
        self.fields["new_password1"].label = "New password"
        self.fields["new_password1"].help_text = "At least 10 characters, and not one that everybody uses."
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self):
        name = self.user.get_username()
        if not attempt_login(self.request, name):
            raise ValidationError(PAUSED, code="paused")
        try:
            old = super().clean_old_password()
        except ValidationError:
            note_failure(self.request, name)
            raise
        note_success(self.request, name)
        return old
