"""Forms are fed the same good and bad inputs as models, actions and REST, as far as they can be typed."""

import pytest

from gateway_admin.catalog.forms import EntityForm
from gateway_admin.catalog.forms.layout import LAYOUT, rule_at
from gateway_admin.catalog.kinds import KINDS
from proxy_engine import spec
from tests.gateway_admin.catalog.cases import BAD, GOOD, contains, name_of, whole

from .forms import errors

pytestmark = pytest.mark.django_db

FIELDS = {kind: EntityForm(kind, values={}, options={}, given={}).fields for kind in LAYOUT}
GOOD = [case for case in GOOD if case.kind in LAYOUT]
BAD = [case for case in BAD if case.kind in LAYOUT]


def leaves(fields, values, before=""):
    for name, value in values.items():
        if isinstance(fields[name], spec.Record) and isinstance(value, dict):
            yield from leaves(fields[name].fields, value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def typed(kind, values):
    """Field of the form → what one types to say the value."""
    texts = {path: _text(FIELDS[kind][path], value) for path, value in leaves(spec.KINDS[kind].fields, values)}
    return {path.replace(".", "__"): text for path, text in texts.items()}


def _text(field, value):
    shown = field.prepare_value(value)
    if shown is None or shown is False:
        return ""  # a tick that is off is not sent, which reads the same
    return shown if isinstance(shown, (str, list)) else "on" if shown is True else str(shown)


def can_be_typed(case):
    """Not a number in quotes, a text where a list belongs, a null byte, or a comma within a word."""
    for path, value in leaves(spec.KINDS[case.kind].fields, case.values):
        if path not in FIELDS[case.kind] or (isinstance(value, str) and not value.isprintable()):
            return False
        field = FIELDS[case.kind][path]
        if isinstance(rule_at(case.kind, path), spec.Array) and not isinstance(value, list | None):
            return False
        read = field.to_python(_text(field, value))
        if (type(read), read) != (type(value), value):
            return False
    return True


def submit(page, case):
    return page.submit("entity-new", case.kind, **typed(case.kind, whole(case.kind, case.values)))


@pytest.mark.parametrize("case", [*filter(can_be_typed, GOOD)], ids=name_of)
def test_good_values_are_stored_in_normal_form(page, case):
    response = submit(page, case)

    assert response.status_code == 303, errors(response)
    made = KINDS[case.kind].model.objects.get()
    assert contains(made.to_values(), case.values | case.stored)


@pytest.mark.parametrize("case", [*filter(can_be_typed, BAD)], ids=name_of)
def test_bad_values_are_refused_at_their_field_and_nothing_is_stored(page, case):
    response = submit(page, case)

    assert response.status_code == 400
    path = ".".join(step for step in case.field.split(".") if not step.isdecimal())
    assert ("__all__" if path == "@entity" else path) in errors(response)
    assert not KINDS[case.kind].model.objects.exists()


def test_all_but_a_few_cases_can_be_typed():
    """Guards the guard: a filter that takes nothing would let everything pass."""
    assert [name_of(case) for case in GOOD if not can_be_typed(case)] == ["services-{'port': 8080.0}"]
    assert len([case for case in BAD if can_be_typed(case)]) > 40
