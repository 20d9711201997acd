"""The forms of rules, channels and silences: what people type, turned into the values that the actions take."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from gateway_admin.accounts.forms import EntryForm
from gateway_admin.common.envelope import timestamp

from .conditions import CONDITIONS
from .kinds import CHANNELS, RULES, SILENCES, Kind
from .queries import channel_names, rule_names
from .rules import CHANNEL, RULE, SILENCE

TYPE_WORDS = {"webhook": "Webhook: JSON, signed", "slack": "Slack, or what understands it", "email": "E-mail"}
LASTS = {"3600": "1 hour", "14400": "4 hours", "86400": "1 day", "604800": "1 week"}
ONE_PER_LINE = {"rows": 3, "spellcheck": "false"}


def _lines(text: str) -> list[str] | None:
    return [line for raw in text.splitlines() if (line := raw.strip())] or None


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number


class RuleForm(EntryForm):
    helps = RULE
    name = forms.CharField(label="Name", max_length=100)
    condition = forms.ChoiceField(
        label="When", choices=[(name, condition.words) for name, condition in CONDITIONS.items()]
    )
    threshold = forms.FloatField(
        label="Threshold",
        required=False,
        help_text="In % for the share of an upstream (usually 50), in s for late checks (usually 5); else leave empty.",
    )
    upstreams = forms.CharField(
        label="Limited to upstreams",
        required=False,
        widget=forms.Textarea(attrs=ONE_PER_LINE),
        help_text="One name per line. Empty: all.",
    )
    for_seconds = forms.FloatField(label="For at least", required=False)
    remind_minutes = forms.IntegerField(label="Remind every", required=False)
    channels = forms.MultipleChoiceField(label="Tell", required=False, widget=forms.CheckboxSelectMultiple)
    enabled = forms.BooleanField(label="Enabled", required=False)

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.fields["channels"].choices = [*channel_names().items()]
        self.fields["for_seconds"].unit, self.fields["remind_minutes"].unit = "s", "min"
        for name in ("threshold", "for_seconds", "remind_minutes"):
            self.fields[name].is_short = True

    @classmethod
    def of(cls, values: dict) -> dict:
        shown = {name: _plain(values[name]) for name in ("threshold", "for_seconds")}
        return values | shown | {"upstreams": "\n".join(values["upstreams"] or ())}

    def values(self):
        values = super().values()
        numbers = {name: values[name] or 0 for name in ("for_seconds", "remind_minutes")}
        return values | numbers | {"upstreams": _lines(values["upstreams"])}


class ChannelForm(EntryForm):
    """Stored secrets are not shown: fields that are left empty keep them."""

    helps = CHANNEL
    name = forms.CharField(label="Name", max_length=100)
    type = forms.ChoiceField(label="Type", choices=[*TYPE_WORDS.items()])
    url = forms.CharField(label="Address", required=False)
    secret = forms.CharField(label="Signing secret", required=False, widget=forms.PasswordInput)
    recipients = forms.CharField(
        label="Recipients",
        required=False,
        widget=forms.Textarea(attrs=ONE_PER_LINE),
        help_text="Of e-mail: one address per line.",
    )
    group_seconds = forms.FloatField(label="Gather for", required=False)
    tell_resolved = forms.BooleanField(label="Tell the end", required=False)
    enabled = forms.BooleanField(label="Enabled", required=False)

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.fields["group_seconds"].unit, self.fields["group_seconds"].is_short = "s", True
        if self.initial.get("is_stored"):
            for name in ("url", "secret"):
                self.fields[name].help_text = f"{CHANNEL[name].help} Empty: as it is now."

    @classmethod
    def of(cls, values: dict) -> dict:
        hidden = {"url": "", "secret": "", "is_stored": True}
        shown = {"group_seconds": _plain(values["group_seconds"]), "recipients": "\n".join(values["recipients"] or ())}
        return values | hidden | shown

    def values(self):
        values = super().values()
        values |= {"recipients": _lines(values["recipients"]), "group_seconds": values["group_seconds"] or 0}
        return {name: value for name, value in values.items() if name not in ("url", "secret") or value}


class SilenceForm(EntryForm):
    helps = SILENCE
    reason = forms.CharField(label="Reason", max_length=200)
    rule = forms.ChoiceField(label="Rule", required=False, help_text="Whose alerts nobody is told of.")
    upstreams = forms.CharField(
        label="Limited to upstreams",
        required=False,
        widget=forms.Textarea(attrs=ONE_PER_LINE),
        help_text="One name per line. Empty: all.",
    )
    lasts = forms.ChoiceField(label="For", choices=[*LASTS.items()], initial="3600")

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.fields["rule"].choices = [("", "all rules"), *rule_names().items()]

    def add_problems(self, problems):
        super().add_problems(
            problem._replace(path=("lasts",)) if problem.path == ("until",) else problem for problem in problems
        )

    def values(self):
        values = super().values()
        until = timezone.now() + timedelta(seconds=int(values.pop("lasts")))
        return values | {
            "rule": values["rule"] or None,
            "upstreams": _lines(values["upstreams"]),
            "until": timestamp(until),
        }


FORMS: dict[str, type[EntryForm]] = {RULES.name: RuleForm, CHANNELS.name: ChannelForm, SILENCES.name: SilenceForm}


def form_of(kind: Kind, data, row=None, initial: dict | None = None) -> EntryForm:
    """``row``: what is edited; ``initial``: what a new one begins with."""
    form = FORMS[kind.name]
    if row is not None:
        return form(data, initial=form.of(kind.values_of(row)))
    defaults = {name: field.default for name, field in kind.fields.items() if field.default is not None}
    return form(data, initial=defaults | (initial or {}))
