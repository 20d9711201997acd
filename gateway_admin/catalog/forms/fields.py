"""Form fields for the fields of the spec: text ⇄ JSON value, nothing else.

What may stand in a field is decided by ``spec.check``, which every action runs; these fields only convert, and pass on
what cannot be converted ("abc" in a number) so that the check can complain about it in its own words.
``prepare_value`` gets either a stored value or, after an error, the text that was typed: text stays as it is.

Grammar of the textareas::

    lists       one entry per line, blank lines ignored              /api
    headers     Name: value, value                                   X-Region: eu, us
    addresses   ip, ip:port, [v6]:port, network or :port             10.0.0.0/8:5432
    statuses    numbers between commas or spaces                     200, 302
"""

from datetime import UTC, datetime

from django import forms

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.queries import id_of
from proxy_engine import spec


class SpecField(forms.Field):
    """Text with one value. Empty means null: the spec decides whether that is a default or an error."""

    widget = forms.TextInput
    grammar = ""  # how to write it, after the spec's help
    is_kept = False  # a secret is stored, and stays when nothing is typed
    may_go = False  # it may be taken away

    def __init__(self, rule: spec.Field, **kw):
        self.rule = rule
        self.unit = getattr(rule, "unit", "")
        super().__init__(required=False, help_text=f"{rule.help} {self.grammar}".strip(), **kw)

    def to_python(self, text):
        text = (text or "").strip()
        return text or None


class NumberField(SpecField):
    """A text input: a browser's number input throws away what it cannot read, and we show it again with the error."""

    is_short = True

    def widget_attrs(self, widget):
        whole = isinstance(self.rule, spec.Integer)
        negative = self.rule.min is not None and self.rule.min < 0  # iOS has no minus on the numeric keyboard
        return {} if negative else {"inputmode": "numeric" if whole else "decimal"}

    def prepare_value(self, value):
        return f"{value:g}" if isinstance(value, float) else value

    def to_python(self, text):
        text = super().to_python(text)
        return None if text is None else number(text)


class TickField(SpecField):
    widget = forms.CheckboxInput

    def to_python(self, value):
        return bool(value)


class ChoiceField(SpecField):
    widget = forms.Select
    is_short = True

    def __init__(self, rule, *, choices, **kw):
        super().__init__(rule, **kw)
        self.values = {str(value): value for value, _ in choices}
        self.widget.choices = [("" if value is None else value, label) for value, label in choices]

    def to_python(self, text):
        text = super().to_python(text)
        return self.values.get(text, text)


class TernaryField(ChoiceField):
    """A boolean that may be left open."""

    def __init__(self, rule, **kw):
        super().__init__(rule, choices=[(None, "not set"), (True, "yes"), (False, "no")], **kw)

    def prepare_value(self, value):
        return str(value) if isinstance(value, bool) else value


class ReferenceField(ChoiceField):
    """A foreign key, picked by label. ``choices``: (id, label)."""

    is_short = False

    def prepare_value(self, value):
        return value["id"] if isinstance(value, dict) else value

    def to_python(self, text):
        key = super().to_python(text)
        return None if key is None else {"id": key}


class SearchField(SpecField):
    """A foreign key, named by what it is called or by its id; names are offered while one types."""

    @property
    def names(self) -> str:
        """Id of the list that the page has for what is offered."""
        return f"names-of-{self.rule.to}"

    def widget_attrs(self, widget):
        return {
            "list": self.names,
            "autocomplete": "off",
            "hx-get": f"/admin-ui/{self.rule.to}/names/",
            "hx-trigger": "focus once, input changed delay:200ms",
            "hx-target": "next datalist",
        }

    def prepare_value(self, value):
        if not isinstance(value, dict):
            return value
        found = KINDS[self.rule.to].model.objects.filter(pk=value["id"]).first() if spec.is_uuid(value["id"]) else None
        return value["id"] if found is None else name_of(found)

    def to_python(self, text):
        text = super().to_python(text)
        if text is None:
            return None
        key = id_of(self.rule.to, text)
        if key is None:
            label = KINDS[self.rule.to].label
            raise forms.ValidationError(
                "there is no %(label)s called “%(text)s”", params={"label": label, "text": text}
            )
        return {"id": str(key)}


class MomentField(SpecField):
    """Unix seconds, as date and time in UTC."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"})
    grammar = "In UTC."

    def __init__(self, rule, **kw):
        super().__init__(rule, **kw)
        self.unit = ""

    def prepare_value(self, value):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%S}" if isinstance(value, int) else value

    def to_python(self, text):
        text = super().to_python(text)
        if text is None:
            return None
        try:
            return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
        except ValueError:
            raise forms.ValidationError("expected a date and time, such as 2027-01-31T12:00:00") from None


class TicksField(SpecField):
    """A set out of few values."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, rule, **kw):
        super().__init__(rule, **kw)
        self.widget.choices = [(value, value) for value in rule.of.choices]

    def to_python(self, values):
        return list(values or [])


class TextField(SpecField):
    """A text of several lines, kept as it is but for the line ends, which browsers send as CRLF."""

    widget = forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})

    def to_python(self, text):
        text = (text or "").replace("\r\n", "\n")
        return text if text.strip() else None


class ListField(SpecField):
    def none(self):
        """What an empty field means: the default where that is an empty list, otherwise nothing."""
        return [] if self.rule.default == [] else None


class LinesField(ListField):
    grammar = "One per line."
    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def prepare_value(self, value):
        return value if isinstance(value, str) or value is None else "\n".join(map(str, value))

    def to_python(self, text):
        return [line.strip() for line in (text or "").splitlines() if line.strip()] or self.none()


class EntriesField(LinesField):
    """Entries that may have several lines: those that go on are indented."""

    grammar = "One per line; a line that begins with four spaces goes on with the entry above it."
    goes_on = "    "

    def prepare_value(self, value):
        if isinstance(value, str) or value is None:
            return value
        return "\n".join(entry.replace("\n", f"\n{self.goes_on}") for entry in value)

    def to_python(self, text):
        entries: list[str] = []
        for line in (text or "").replace("\r\n", "\n").split("\n"):
            if line.startswith(self.goes_on) and entries:
                entries[-1] += "\n" + line.removeprefix(self.goes_on)
            elif line.strip():
                entries.append(line.strip())
        return entries or self.none()


class WordsField(ListField):
    """Short words: on one line."""

    grammar = "Separate with commas."

    def __init__(self, rule, **kw):
        super().__init__(rule, **kw)
        if rule.of.choices:
            self.help_text += f" Possible: {', '.join(map(str, rule.of.choices))}."

    def prepare_value(self, value):
        return value if isinstance(value, str) or value is None else ", ".join(value)

    def to_python(self, text):
        return [word.strip() for word in (text or "").split(",") if word.strip()] or self.none()


class StatusesField(SpecField):
    def prepare_value(self, value):
        return value if isinstance(value, str) or value is None else ", ".join(map(str, value))

    def to_python(self, text):
        return [number(word) for word in (text or "").replace(",", " ").split()]


class HeadersField(LinesField):
    grammar = "One per line, as Name: value, value."

    def prepare_value(self, value):
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{name}: {', '.join(values)}" for name, values in value.items())

    def to_python(self, text):
        headers: dict[str, list[str]] = {}
        for line in super().to_python(text) or ():
            name, colon, values = line.partition(":")
            if not colon:
                raise forms.ValidationError("“%(line)s” has no colon; write Name: value, value", params={"line": line})
            headers.setdefault(name.strip(), []).extend(value.strip() for value in values.split(",") if value.strip())
        return headers or None


class AddressesField(LinesField):
    grammar = "Address, network, address:port or :port; one per line."

    def prepare_value(self, value):
        if isinstance(value, list):
            return "\n".join(write_address(item.get("ip"), item.get("port")) for item in value)
        return value

    def to_python(self, text):
        return [read_address(line) for line in super().to_python(text) or ()] or None


def name_of(entity) -> str:
    """By which ``SearchField`` finds it again: its unique name, or its id."""
    named = getattr(entity, KINDS[entity.kind].spec.label_field)
    return named if named and id_of(entity.kind, named) == entity.pk else str(entity.pk)


def number(text: str):
    """An int, a float, or the text itself when it is neither."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def write_address(ip, port) -> str:
    if port is None:
        return ip or ""
    return f"[{ip}]:{port}" if ip and ":" in ip else f"{ip or ''}:{port}"


def read_address(line: str) -> dict:
    ip, colon, port = line.rpartition(":")
    if not colon or line.endswith("]") or (":" in ip and not ip.endswith("]")):
        return {"ip": line.strip("[]"), "port": None}
    return {"ip": ip.strip("[]") or None, "port": number(port)}


def field_for(rule: spec.Field, *, options=(), words=(), **kw) -> SpecField:
    """The form field for a field of the spec. ``options``: (id, label) of what a reference may name.

    ``words``: choice → how it is shown, where that differs.
    """
    match rule:
        case spec.Reference():
            return ReferenceField(rule, choices=[*_nothing(rule, options), *options], **kw)
        case spec.Boolean(default=None):
            return TernaryField(rule, **kw)
        case spec.Boolean():
            return TickField(rule, **kw)
        case spec.Array(of=spec.Integer()):
            return StatusesField(rule, **kw)
        case spec.Set(of=spec.Record()):
            return AddressesField(rule, **kw)
        case spec.Set(of=spec.String(choices=tuple())):
            return TicksField(rule, **kw)
        case spec.Array(of=spec.String(choices=tuple())):
            return WordsField(rule, **kw)
        case spec.Array(of=spec.String(multiline=True)):
            return EntriesField(rule, **kw)
        case spec.Array():
            return LinesField(rule, **kw)
        case spec.Map():
            return HeadersField(rule, **kw)
        case spec.String(multiline=True):
            return TextField(rule, **kw)
    if rule.choices:
        empty = [] if rule.default is not None else [(None, "not set")]
        shown = {choice: choice for choice in rule.choices} | dict(words)
        return ChoiceField(rule, choices=[*empty, *shown.items()], **kw)
    return NumberField(rule, **kw) if isinstance(rule, spec.Number) else SpecField(rule, **kw)


def _nothing(rule: spec.Reference, options) -> list[tuple[None, str]]:
    """Browsers preselect the first option: where one of several must be named, that would be a guess."""
    if not rule.required:
        return [(None, "none")]
    return [] if len(options) == 1 else [(None, "choose one")]
