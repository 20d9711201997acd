"""What can be checked of the look without looking: contrast, no inline code, everything from here."""

import hashlib
import re
from itertools import product
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
STATIC = FOLDER / "static"
STYLESHEET = (STATIC / "gatehouse.css").read_text()
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3
TOKENS = {name: colours for name, *colours in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLESHEET)}

ON_SURFACES = [*product(("text", "muted", "faint", "accent", "bad", "warn"), ("bg", "surface", "raised", "sunken"))]
ON_THEIR_OWN = [(name, f"{name}-soft") for name in ("ok", "warn", "bad", "off")]
ON_ACCENTS = [
    ("accent-text", "accent"), ("accent-text", "accent-strong"), ("bad-text", "bad"), ("bad-text", "bad-strong"),
    ("accent", "accent-soft"), ("faint", "accent-soft"), ("bad", "accent-soft"), ("text", "bad-soft"),
]  # fmt: skip


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), [*ON_SURFACES, *ON_THEIR_OWN, *ON_ACCENTS])
def test_text_stands_out_from_its_ground(text, ground, mode):
    assert contrast(TOKENS[text][mode], TOKENS[ground][mode]) >= LEAST_CONTRAST


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["bg", "surface", "raised", "sunken"])
def test_edges_of_inputs_can_be_seen(ground, mode):
    assert contrast(TOKENS["edge"][mode], TOKENS[ground][mode]) >= 3  # WCAG 2.2, 1.4.11


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_inline_code_and_switch_no_escaping_off(path):
    text = path.read_text()
    assert not re.search(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:|hx-on|\|safe|autoescape off", text
    )


@pytest.mark.parametrize("path", [*TEMPLATES, *STATIC.glob("*.*")], ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path):
    addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text())
    assert [found for found in addresses if "www.w3.org" not in found] == []


def test_classes_used_in_templates_are_styled():
    used = {
        name
        for path in TEMPLATES
        for names in re.findall(r'class="([^"{]+)"', path.read_text())
        for name in names.split()
    }
    styled = set(re.findall(r"\.([a-z][\w-]*)", STYLESHEET))
    assert used - styled == set()


def test_htmx_is_the_file_its_note_describes():
    folder = STATIC / "vendor" / "htmx"
    note = (folder / "README.md").read_text()
    assert hashlib.sha256((folder / "htmx.min.js").read_bytes()).hexdigest() in note
    version = re.search(r'version:"([\d.]+)"', (folder / "htmx.min.js").read_text())[1]
    assert f"htmx {version}," in note
